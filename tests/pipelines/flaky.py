"""An HTTP proxy on loopback that fails at times, as object stores do."""

from __future__ import annotations

import http.client
import socket
import struct
import threading
import time
from collections import Counter
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self

#: what may happen to a request: an answer 500, a connection that is reset, half an answer
FAULTS = ("error", "reset", "half")
_ERROR = b"<?xml version='1.0'?><Error><Code>InternalError</Code><Message>try again</Message></Error>"
_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}


class FlakyProxy:
    """Passes requests on to a server; `fault` says of each one, by its number, what goes wrong (or None)."""

    def __init__(self, target: str, fault: Callable[[int, str, str], str | None]) -> None:
        self._target = target.removeprefix("http://")
        self._fault = fault
        self._lock = threading.Lock()
        self._number = 0
        #: how often each fault came about
        self.faults: Counter[str] = Counter()
        #: monotonic time, method and path of every request
        self.requests: list[tuple[float, str, str]] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _next(self, method: str, path: str) -> str | None:
        with self._lock:
            number, self._number = self._number, self._number + 1
            self.requests.append((time.monotonic(), method, path))
        return self._fault(number, method, path)

    def _note(self, fault: str) -> None:
        with self._lock:
            self.faults[fault] += 1

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fault = proxy._next(self.command, self.path)
                if fault == "reset":
                    proxy._note(fault)
                    self._reset()
                    return
                if fault == "error":
                    proxy._note(fault)
                    self._answer(500, {"Content-Type": "application/xml"}, _ERROR)
                    return
                # The signature covers the host that the client asked, so it is passed on as it is.
                upstream = http.client.HTTPConnection(proxy._target, timeout=60)
                upstream.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    if name.lower() not in _HOP:
                        upstream.putheader(name, value)
                upstream.putheader("Content-Length", str(len(body)))
                upstream.endheaders(body)
                response = upstream.getresponse()
                data = response.read()
                headers = {name: value for name, value in response.getheaders() if name.lower() not in _HOP}
                if self.command == "HEAD":
                    headers["Content-Length"] = response.getheader("Content-Length") or "0"
                upstream.close()
                if fault == "half" and len(data) > 1:
                    proxy._note(fault)
                    self._answer(response.status, headers, data, cut=len(data) // 2)
                    self._reset()
                    return
                self._answer(response.status, headers, data)

            do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass  # noqa: N815

            def _answer(
                self, status: int, headers: dict[str, str], data: bytes, cut: int | None = None
            ) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                if "Content-Length" not in headers:
                    self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(data[:cut])
                    self.wfile.flush()

            def _reset(self) -> None:
                self.close_connection = True
                # Closed with unsent data thrown away: the client sees a reset.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()

            def log_message(self, format: str, *arguments: object) -> None:
                """Say nothing."""

        return Handler
