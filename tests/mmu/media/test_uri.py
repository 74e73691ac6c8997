"""Where media may come from: real servers and file systems, allowed and refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import fsspec
import pytest

from mmu.errors import MediaError
from mmu.media import DecodeOptions, open_clip
from mmu.media.http import is_private
from mmu.media.uri import resolve


@pytest.fixture
def server(two_shots: Path) -> Iterator[str]:
    """Serves the file at /clip.mkv; /there redirects to it, /away to another port of this machine."""
    data = two_shots.read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            targets = {"/there": "/clip.mkv", "/away": f"http://127.0.0.1:{elsewhere.server_port}/clip.mkv"}
            targets["/round"] = "/round"
            if self.path in targets:
                self.send_response(302)
                self.send_header("Location", targets[self.path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            found = self.path.startswith("/clip.mkv")
            self.send_response(200 if found else 404)
            self.send_header("Content-Length", str(len(data) if found else 0))
            self.end_headers()
            if found:
                self.wfile.write(data)

        def log_message(self, *_: Any) -> None: ...

    servers = [ThreadingHTTPServer(("127.0.0.1", 0), Handler) for _ in range(2)]
    elsewhere = servers[1]
    for each in servers:
        threading.Thread(target=each.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{servers[0].server_port}"
    for each in servers:
        each.shutdown()
        each.server_close()


def code(source: Any, folder: Path, **options: Any) -> str:
    with pytest.raises(MediaError) as caught:
        resolve(source, DecodeOptions(**options), folder)
    return caught.value.code


def test_url(server: str) -> None:
    uri = f"{server}/clip.mkv?token=1"
    with open_clip(uri, options=DecodeOptions(keyframes_only=True)) as clip:
        assert clip.uri == uri
        assert clip.duration == pytest.approx(4.0, abs=0.05)


def test_redirects(server: str, tmp_path: Path) -> None:
    assert resolve(f"{server}/there", DecodeOptions(), tmp_path).size > 1000
    for name, kind, choice in (
        ("away", "private_address", "direct"),
        ("round", "unreachable", "direct"),
        ("clip.mkv", "private_address", "never"),
        ("absent", "not_found", "direct"),
    ):
        folder = tmp_path / f"{name}-{choice}"
        folder.mkdir()
        assert code(f"{server}/{name}", folder, private_hosts=choice) == kind
    folder = tmp_path / "always"
    folder.mkdir()
    assert resolve(f"{server}/away", DecodeOptions(private_hosts="always"), folder).size > 1000


def test_size_limit(server: str, two_shots: Path, tmp_path: Path) -> None:
    for index, source in enumerate((f"{server}/clip.mkv", str(two_shots), two_shots.open("rb"))):
        folder = tmp_path / str(index)
        folder.mkdir()
        assert code(source, folder, max_bytes=1000) == "file_too_large"


def test_fsspec_memory(two_shots: Path, tmp_path: Path) -> None:
    with fsspec.open("memory://clips/a b.mkv", "wb") as out:
        out.write(two_shots.read_bytes())
    local = resolve("memory://clips/a b.mkv", DecodeOptions(), tmp_path)
    assert local.path.read_bytes() == two_shots.read_bytes()
    assert local.suffix == ".mkv"
    (tmp_path / "x").mkdir()
    assert code("memory://clips/absent.mkv", tmp_path / "x") == "not_found"


@pytest.mark.parametrize(
    "uri", ["gopher://host/a.mp4", "simplecache::file:///etc/passwd", "local:///etc/passwd", "data://x"]
)
def test_schemes_that_are_refused(uri: str, tmp_path: Path) -> None:
    assert code(uri, tmp_path) in ("scheme", "not_found")


def test_file_uri_and_plain_names(two_shots: Path, tmp_path: Path) -> None:
    odd = tmp_path / "-a b%20[1]#?.mkv"
    odd.write_bytes(two_shots.read_bytes())
    assert resolve(odd, DecodeOptions(), tmp_path).path == odd
    assert resolve(odd.as_uri(), DecodeOptions(), tmp_path).path == odd
    assert code(two_shots.open("r", encoding="latin-1"), tmp_path) == "source"
    assert code(17, tmp_path) == "source"


@pytest.mark.parametrize(
    ("host", "private"),
    [("127.0.0.1", True), ("10.1.2.3", True), ("169.254.169.254", True), ("::1", True), ("8.8.8.8", False)],
)
def test_private_addresses(host: str, private: bool) -> None:
    assert is_private(host) is private
    assert is_private("::ffff:127.0.0.1")
