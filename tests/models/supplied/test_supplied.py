"""Weights that users bring: found, checked, licensed, fetched from an address, a mirror or a folder."""

from __future__ import annotations

import hashlib
import json
import threading
import zipfile
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from models.errors import ModelError
from models.index import Index
from models.pipconfig import PipConfig
from models.store import Store
from models.supplied import pull as pulling
from models.supplied import resolve as resolving
from models.supplied.entries import Entry, EntryFile, load_entries, read_entries
from models.supplied.pull import pull_entries
from models.supplied.record import Record
from models.supplied.resolve import entry_folder, resolve_weights, supplied_folder

BYTES = bytes(range(256)) * 400
SHA = hashlib.sha256(BYTES).hexdigest()


def entry(name: str = "net", *, accept: str = "", url: str = "", sha256: str = SHA[:8]) -> Entry:
    files = (EntryFile("net.pth", url, sha256),)
    return Entry(
        name, "lib.task", name, "1", "t", "https://example.org/net", "MIT", "MIT", accept, "f", files
    )


@pytest.fixture
def listed(monkeypatch: pytest.MonkeyPatch) -> dict[tuple[str, str], Entry]:
    """Entries that `resolve_weights` knows."""
    known: dict[tuple[str, str], Entry] = {}
    monkeypatch.setattr(resolving, "find_entry", lambda adapter, model: known.get((adapter, model)))
    return known


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "home")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A web server on a folder."""
    folder = tmp_path / "site"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    server.server_close()
    thread.join()


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def put(store: Store, one: Entry, content: bytes = BYTES) -> Path:
    path = entry_folder(store, one) / one.files[0].name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def test_a_listed_network_is_found_and_checked(store: Store, listed: dict[tuple[str, str], Entry]) -> None:
    listed["lib.task", "net"] = one = entry()
    path = put(store, one)
    weights = resolve_weights(store, "lib.task", "net")
    assert (weights.path, weights.sha256, weights.source) == (path, SHA, "net@1")


def test_missing_weights_say_where_from_and_where_to(
    store: Store, listed: dict[tuple[str, str], Entry]
) -> None:
    listed["lib.task", "net"] = one = entry(url="https://example.org/net.pth")
    place = entry_folder(store, one) / "net.pth"
    with pytest.raises(ModelError, match="mmu models pull net.*https://example.org/net.pth") as error:
        resolve_weights(store, "lib.task", "net")
    assert str(place) in str(error.value)
    assert "\n" not in str(error.value)


def test_other_bytes_than_published_are_refused(store: Store, listed: dict[tuple[str, str], Entry]) -> None:
    listed["lib.task", "net"] = one = entry()
    put(store, one, b"other")
    with pytest.raises(ModelError, match=f"its publisher states {SHA[:8]}…"):
        resolve_weights(store, "lib.task", "net")


def test_what_no_publisher_states_is_recorded_at_its_first_use(
    store: Store, listed: dict[tuple[str, str], Entry]
) -> None:
    listed["lib.task", "net"] = one = entry(sha256="")
    path = put(store, one)
    assert resolve_weights(store, "lib.task", "net").sha256 == SHA
    put(store, one, b"changed later")
    with pytest.raises(ModelError, match="at its first use it had"):
        resolve_weights(store, "lib.task", "net")
    Record(supplied_folder(store)).forget(path)
    assert resolve_weights(store, "lib.task", "net").sha256 == hashlib.sha256(b"changed later").hexdigest()


def test_terms_that_forbid_commercial_use_have_to_be_accepted(
    store: Store, listed: dict[tuple[str, str], Entry]
) -> None:
    listed["lib.task", "net"] = one = entry(accept="research")
    put(store, one)
    with pytest.raises(ModelError, match=r"accept_licences: \[research\]"):
        resolve_weights(store, "lib.task", "net")
    assert resolve_weights(store, "lib.task", "net", accepted=["research"]).sha256 == SHA
    with pytest.raises(ModelError, match="--accept-licence research"):
        pull_entries(store, [one])
    assert pull_entries(store, [one], accepted=["research"]) == []
    assert resolve_weights(store, "lib.task", "net").sha256 == SHA


def test_weights_of_ones_own(store: Store, tmp_path: Path) -> None:
    mine = tmp_path / "mine.pth"
    mine.write_bytes(BYTES)
    assert resolve_weights(store, "lib.task", "net", path=mine).source == f"net@{SHA[:8]}"
    assert resolve_weights(store, "lib.task", "net", path=mine, sha256=SHA[:12].upper()).sha256 == SHA
    with pytest.raises(ModelError, match="the configuration asks for 00000000"):
        resolve_weights(store, "lib.task", "net", path=mine, sha256="00000000")
    with pytest.raises(ModelError, match="there is no such file or folder"):
        resolve_weights(store, "lib.task", "net", path=tmp_path / "nothing.pth")
    with pytest.raises(ModelError, match="name its file with `weights:`"):
        resolve_weights(store, "lib.task", "unlisted")
    mine.write_bytes(b"retrained")
    assert resolve_weights(store, "lib.task", "net", path=mine).source != f"net@{SHA[:8]}"


def test_a_folder_of_weights_has_one_digest(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "pack"
    (folder / "sub").mkdir(parents=True)
    (folder / "a.onnx").write_bytes(b"a")
    (folder / "sub" / "b.onnx").write_bytes(b"b")
    first = resolve_weights(store, "lib.task", "net", path=folder)
    (folder / "sub" / "b.onnx").write_bytes(b"c")
    assert resolve_weights(store, "lib.task", "net", path=folder).sha256 != first.sha256
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match="the folder is empty"):
        resolve_weights(store, "lib.task", "net", path=tmp_path / "empty")


def test_a_store_that_cannot_be_written_is_read_all_the_same(
    store: Store, listed: dict[tuple[str, str], Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    listed["lib.task", "net"] = one = entry()
    put(store, one)
    monkeypatch.setattr(Path, "write_text", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "no")))
    assert resolve_weights(store, "lib.task", "net").sha256 == SHA


@pytest.mark.parametrize("kind", ["publisher", "mirror", "folder"])
def test_pull(store: Store, site: tuple[str, Path], kind: str) -> None:
    address, folder = site
    (folder / "files").mkdir()
    (folder / "files" / "net-x.pth").write_bytes(BYTES)
    one = entry(url=f"{address if kind == 'publisher' else 'http://127.0.0.1:9'}/files/net-x.pth")
    source = {"publisher": None, "mirror": f"{address}/files", "folder": str(folder / "files")}[kind]
    index = Index(PipConfig())
    fetched = pull_entries(store, [one], source=source, index=index)
    assert [path.read_bytes() for path in fetched] == [BYTES]
    assert pull_entries(store, [one], source=source, index=index) == []
    assert not list(entry_folder(store, one).glob("*.coming*"))


def test_a_pull_takes_an_archive_apart(store: Store, site: tuple[str, Path]) -> None:
    address, folder = site
    with zipfile.ZipFile(folder / "pack.zip", "w") as packed:
        packed.writestr("pack/a.onnx", b"aa")
        packed.writestr("pack/b.onnx", b"bb")
    url = f"{address}/pack.zip"
    files = tuple(EntryFile(name, url, "", zipped=True) for name in ("a.onnx", "b.onnx"))
    one = Entry("pack", "lib.task", "pack", "1", "t", "https://example.org", "MIT", "MIT", "", "f", files)
    pull_entries(store, [one], index=Index(PipConfig()))
    found = {path.name: path.read_bytes() for path in entry_folder(store, one).glob("*.onnx")}
    assert found == {"a.onnx": b"aa", "b.onnx": b"bb"}
    wrong = Entry(
        "wrong", "lib.task", "w", "1", "t", "https://example.org", "MIT", "MIT", "", "f",
        (EntryFile("c.onnx", url, "", zipped=True),),
    )  # fmt: skip
    with pytest.raises(ModelError, match=r"wrong: pack.zip has no c.onnx in it"):
        pull_entries(store, [wrong], index=Index(PipConfig()))


def test_a_pull_of_other_bytes_keeps_nothing_and_brings_the_rest(store: Store, tmp_path: Path) -> None:
    mirror = tmp_path / "mirror"
    for name, content in (("bad", b"other"), ("good", BYTES)):
        (mirror / name).mkdir(parents=True)
        (mirror / name / "net.pth").write_bytes(content)
    bad, good = entry("bad"), entry("good")
    with pytest.raises(ModelError, match=r"^bad: net.pth from .* its publisher states"):
        pull_entries(store, [bad, good], source=str(mirror))
    assert not (entry_folder(store, bad) / "net.pth").exists()
    assert (entry_folder(store, good) / "net.pth").read_bytes() == BYTES


def test_a_cut_download_is_taken_up_again(store: Store, site: tuple[str, Path]) -> None:
    address, folder = site
    (folder / "net.pth").write_bytes(BYTES)
    one = entry(url=f"{address}/net.pth")
    place = entry_folder(store, one)
    place.mkdir(parents=True)
    (place / "net.pth.coming.part").write_bytes(BYTES[:1000])
    with pytest.raises(ModelError):  # this server gives no ranges: what came is thrown away, not glued on
        pull_entries(store, [entry(url="http://127.0.0.1:9/net.pth")], index=Index(PipConfig()))
    assert (place / "net.pth.coming.part").stat().st_size == 1000
    pull_entries(store, [one], index=Index(PipConfig()))
    assert (place / "net.pth").read_bytes() == BYTES


def test_wrong_arguments(store: Store, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="--from .*: there is no such folder"):
        pull_entries(store, [entry()], source=str(tmp_path / "no"))
    with pytest.raises(ModelError, match="holds neither of net/net.pth"):
        pull_entries(store, [entry()], source=str(tmp_path))
    with pytest.raises(ModelError, match="--accept-licence foo: none of these weights has such terms"):
        pull_entries(store, [entry()], accepted=["foo"])
    with pytest.raises(ModelError, match="no direct address; fetch it by hand"):
        pull_entries(store, [entry()])


def test_entries_are_checked_when_they_are_read(tmp_path: Path) -> None:
    assert load_entries()
    path = tmp_path / "x.toml"
    path.write_text('[[weights]]\nname = "a"\n', encoding="utf-8")
    with pytest.raises(ModelError, match="x.toml, weights 'a': .* is missing"):
        read_entries(path)
    assert pulling.__doc__


def test_the_record_is_one_file(store: Store, tmp_path: Path) -> None:
    record, path = Record(supplied_folder(store)), tmp_path / "x"
    path.write_bytes(BYTES)
    assert record.digest(path) == (SHA, SHA)
    assert json.loads(record.path.read_text())["files"][str(path.resolve())]["sha256"] == SHA
