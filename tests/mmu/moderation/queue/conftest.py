"""The three kinds of queue, each on a real server, and `brokers.py` as a module."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from uuid import uuid4

import pytest

from mmu.moderation.queue import QueueOptions, ReviewQueue, open_queue

_spec = importlib.util.spec_from_file_location("queue_brokers", Path(__file__).with_name("brokers.py"))
assert _spec is not None
assert _spec.loader is not None
_module = importlib.util.module_from_spec(_spec)
sys.modules["queue_brokers"] = _module
_spec.loader.exec_module(_module)

Open = Callable[..., ReviewQueue]


@pytest.fixture(scope="session")
def brokers() -> ModuleType:
    return _module


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory, brokers: ModuleType) -> Iterator[str]:
    pytest.importorskip("redis", reason="redis is not installed")
    with brokers.redis_server(tmp_path_factory.mktemp("redis")) as (url, _):
        yield url


@pytest.fixture(scope="session")
def noida_url(tmp_path_factory: pytest.TempPathFactory, brokers: ModuleType) -> Iterator[str]:
    with brokers.noida(tmp_path_factory.mktemp("noida")) as url:
        yield url


@pytest.fixture(scope="session")
def tansu_url(tmp_path_factory: pytest.TempPathFactory, brokers: ModuleType) -> Iterator[str]:
    with brokers.tansu(tmp_path_factory.mktemp("tansu")) as url:
        yield url


@pytest.fixture(params=["sqlite", "redis", "kafka"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """An empty queue of each kind."""
    if request.param == "sqlite":
        yield str(tmp_path / "queue.sqlite")
    elif request.param == "redis":
        import redis

        found = request.getfixturevalue("redis_url")
        redis.Redis.from_url(found.partition("?")[0]).flushall()
        yield found
    else:
        # processes are killed where their membership of a group ends with them
        killed = "test_kills" in request.node.nodeid
        found = request.getfixturevalue("tansu_url" if killed else "noida_url")
        yield f"{found}/{uuid4().hex}"


@pytest.fixture
def opened(url: str) -> Iterator[Open]:
    """Opens the queue; all are closed at the end."""
    queues: list[ReviewQueue] = []

    def make(*, lease: float = 30.0, max_attempts: int = 3) -> ReviewQueue:
        queues.append(open_queue(url, QueueOptions(lease, max_attempts)))
        return queues[-1]

    yield make
    for queue in queues:
        queue.close()
