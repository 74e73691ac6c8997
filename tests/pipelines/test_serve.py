"""The service on a real Ray Serve, where its packages are installed (the extra `serve`)."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

pytest.importorskip("ray")
pytest.importorskip("grpc_reflection", reason="Ray Serve is not complete: pip install mmu-video[serve]")

from benchmarks.tiny import write_tiny
from mmu.errors import ConfigError
from mmu.service.keys import KeyFile

pytestmark = [pytest.mark.weights, pytest.mark.slow]


@pytest.fixture
def service(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, dict[str, str]]]:
    """Address of a running application, and headers with a key."""
    import ray
    from ray import serve

    from pipelines.serve import build

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    key = KeyFile(tmp_path / "keys.json").add("tester")
    # Ray makes its workers nice (15): beside other work they would get next to nothing.
    monkeypatch.setenv("RAY_worker_niceness", "0")
    ray.init(address="local", num_cpus=2, include_dashboard=False, log_to_driver=False)
    try:
        serve.start(http_options={"host": "127.0.0.1", "port": port})
        serve.run(build({"data": str(tmp_path), "keys": str(tmp_path / "keys.json"), "only": "shots"}))
        yield f"http://127.0.0.1:{port}", {"Authorization": f"Bearer {key}"}
    finally:
        serve.shutdown()
        ray.shutdown()


def _finished(place: str, headers: dict[str, str], video: str) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found: dict[str, Any] = requests.get(f"{place}/v1/videos/{video}", headers=headers, timeout=30).json()
        if found["status"] in ("done", "failed"):
            return found
        time.sleep(0.2)
    raise AssertionError("took too long")


def test_an_upload_is_analysed_by_a_replica(service: tuple[str, dict[str, str]], tmp_path: Path) -> None:
    place, headers = service
    assert requests.post(f"{place}/v1/videos", timeout=30).status_code == 401
    with write_tiny(tmp_path / "a.mp4", seed=1).open("rb") as file:
        video = requests.post(
            f"{place}/v1/videos", headers=headers, files={"file": ("a.mp4", file)}, timeout=30
        ).json()["id"]
    assert _finished(place, headers, video)["report"]["outcome"] == "ok"
    # A replica that is killed is replaced, and the next video goes through.
    replicas = _replicas()
    assert len(replicas) == 1
    for pid in replicas:
        os.kill(pid, signal.SIGKILL)
    with write_tiny(tmp_path / "b.mp4", seed=2).open("rb") as file:
        video = requests.post(
            f"{place}/v1/videos", headers=headers, files={"file": ("b.mp4", file)}, timeout=30
        ).json()["id"]
    assert _finished(place, headers, video)["report"]["outcome"] == "ok"


def _replicas() -> list[int]:
    """Processes of `Analysis`, by the name that Ray gives them."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                command = (folder / "cmdline").read_bytes().decode(errors="replace")
            except OSError:
                continue
            if command.startswith("ray::ServeReplica") and "Analysis" in command:
                found.append(int(folder.name))
    return found


def test_wrong_arguments() -> None:
    from pipelines.serve import build

    for wrong in (
        {},
        {"data": "x"},
        {"data": "x", "keys": "y", "other": "z"},
        {"data": "x", "keys": "y", "replicas": "two"},
    ):
        with pytest.raises(ConfigError):
            build(wrong)
