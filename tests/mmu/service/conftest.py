"""A real server on loopback, with small clips that are made on the spot."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")

from mmu.service.keys import KeyFile
from mmu.service.settings import ServiceSettings
from tests.mmu.service.server import Server
from tests.mmu.service.warm import WarmRunners


@pytest.fixture(scope="module")
def warm_runners() -> WarmRunners | None:
    """Processes that several services may use one after the other; None: each starts its own."""
    return None


@pytest.fixture
def serve(tmp_path: Path, warm_runners: WarmRunners | None) -> Iterator[Callable[..., Server]]:
    """Start a service with these settings; the stages are few, so that tests are quick."""
    running: list[Server] = []

    def start(**options: Any) -> Server:
        data = options.pop("data", tmp_path / "data")
        keys = data / "keys.json"
        key = KeyFile(keys).add(f"tester-{len(running)}")
        defaults: dict[str, Any] = {
            "rate": 1000.0,
            "burst": 10_000,
            "analyzer": {"only": ["shots"], "threads": 1},
        }
        settings = ServiceSettings(data=data, keys=keys, **{**defaults, **options})
        running.append(Server(settings, key, warm_runners))
        return running[-1]

    yield start
    for server in running:
        server.stop()


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Two shots of half a second."""
    path = tmp_path / "two shots.mp4"
    rng = np.random.default_rng(7)
    looks = [np.kron(rng.integers(0, 255, (6, 8, 3), np.uint8), np.ones((20, 20, 1), np.uint8)) for _ in "ab"]
    with av.open(str(path), "w") as out:
        video = out.add_stream("mpeg4", rate=24)
        video.width, video.height, video.pix_fmt = 160, 120, "yuv420p"
        for index in range(24):
            out.mux(video.encode(av.VideoFrame.from_ndarray(looks[index // 12], format="bgr24")))
        out.mux(video.encode(None))
    return path
