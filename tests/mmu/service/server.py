"""A running service and a client of it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import requests
import uvicorn

from mmu.service.app import analyzer_options, create_app
from mmu.service.settings import ServiceSettings
from tests.mmu.service.warm import WarmRunners


class Server:
    """A running service and a client of it."""

    def __init__(self, settings: ServiceSettings, key: str, warm: WarmRunners | None = None) -> None:
        self.key = key
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        make = partial(warm.take, analyzer_options(settings)) if warm else None
        self.app = create_app(settings, make_runner=make)
        self._server = uvicorn.Server(uvicorn.Config(self.app, log_level="warning"))
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._socket]}, daemon=True
        )
        self._thread.start()
        self.wait(lambda: self._server.started)

    def ask(self, method: str, path: str, **options: Any) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.key}", **options.pop("headers", {})}
        return requests.request(method, self.url + path, headers=headers, timeout=60, **options)

    def upload(self, path: Path, **data: Any) -> requests.Response:
        with path.open("rb") as file:
            return self.ask("POST", "/v1/videos", files={"file": (path.name, file)}, data=data)

    def finished(self, video: str, seconds: float = 120) -> dict[str, Any]:
        """The answer about a video when it is done or has failed."""
        found: dict[str, Any] = {}

        def ended() -> bool:
            found.update(self.ask("GET", f"/v1/videos/{video}").json())
            return found["status"] in ("done", "failed")

        self.wait(ended, seconds)
        return found

    @staticmethod
    def wait(until: Callable[[], bool], seconds: float = 30) -> None:
        deadline = time.monotonic() + seconds
        while not until():
            assert time.monotonic() < deadline, "took too long"
            time.sleep(0.05)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(30)
        self._socket.close()
