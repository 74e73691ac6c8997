"""Real servers for the queue's tests: a Redis server, and the broker cluster inside librdkafka."""

from __future__ import annotations

import contextlib
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

#: keeps a broker cluster alive until its input ends
BROKER = """
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": "unused", "test.mock.num.brokers": 1, "log_level": 2})
brokers = producer.list_topics(timeout=20).brokers
for part in ("band0", "band1", "band2", "band3", "feed"):  # it makes topics when asked for them, and only then
    producer.list_topics(f"review.{part}", timeout=20)
print(",".join(f"{broker.host}:{broker.port}" for broker in brokers.values()), flush=True)
sys.stdin.read()
"""


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """A Redis server that writes every command to disk before it answers."""
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("no redis-server found (apt-get install redis-server)")
    port = port or free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--dir", str(folder), "--save", ""]
    command += ["--appendonly", "yes", "--appendfsync", "always", "--loglevel", "warning"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert time.monotonic() < deadline, "redis-server did not start"
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}/0?name=review", process
    finally:
        process.kill()
        process.wait()


@contextmanager
def kafka_broker() -> Iterator[str]:
    """A broker that speaks the Kafka protocol on a local port, in a process of its own."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    process = subprocess.Popen(
        [sys.executable, "-c", BROKER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdin is not None
    try:
        address = process.stdout.readline().strip()
        assert address, "the broker did not start"
        yield f"kafka://{address}/review"
    finally:
        process.stdin.close()
        process.wait(20)
