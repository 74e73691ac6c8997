"""The command of an operator: `ray job submit --working-dir . -- python -m pipelines.batch …`, on a real head."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

import pyarrow.parquet as pq

from benchmarks.kills import processes_below
from benchmarks.tiny import write_tiny

ROOT = Path(__file__).resolve().parents[2]
#: made by `make test`: the tests' environment and what ray[default] adds to it
PYTHON = Path(os.environ.get("MMU_SUBMIT_PYTHON", ROOT / ".venv/submit/bin/python"))

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(not PYTHON.exists(), reason=f"no {PYTHON}: `make test` makes it (ray[default])"),
]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def head() -> Iterator[dict[str, str]]:
    """A Ray head with its dashboard on loopback; the environment in which `ray job submit` reaches it."""
    folder = Path(
        tempfile.mkdtemp(prefix="mmu-head-", dir="/tmp")
    )  # sockets lie below: their paths are short
    port, dashboard = _free_port(), _free_port()
    environment = {
        **{name: text for name, text in os.environ.items() if name not in ("RAY_ADDRESS", "PYTHONPATH")},
        # `python` of the submitted command is the one of this environment.
        "PATH": f"{PYTHON.parent}:{os.environ['PATH']}",
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "RAY_USAGE_STATS_ENABLED": "0",
        "RAY_raylet_start_wait_time_s": "400",
        "RAY_worker_niceness": "0",  # else next to nothing beside other work
    }
    command = [str(PYTHON), "-m", "ray.scripts.scripts", "start", "--head", "--block", f"--temp-dir={folder}"]
    command += ["--node-ip-address=127.0.0.1", f"--port={port}", f"--dashboard-port={dashboard}"]
    command.append(f"--ray-client-server-port={_free_port()}")
    command += ["--num-cpus=2", f"--memory={3 * 2**30}", f"--object-store-memory={80 * 2**20}"]
    for name in ("dashboard-agent-listen", "dashboard-agent-grpc", "runtime-env-agent", "metrics-export"):
        command.append(f"--{name}-port={_free_port()}")
    with (folder / "start.log").open("wb") as log:
        process = subprocess.Popen(command, env=environment, cwd=folder, stdout=log, stderr=log)
    try:
        _wait(dashboard, process, folder / "start.log")
        yield {**environment, "RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{dashboard}"}
    finally:
        for pid in [process.pid, *(pid for pid, _ in processes_below(process.pid))]:
            try:
                os.kill(pid, 9)
            except ProcessLookupError:
                continue
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 400
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.5)
    raise RuntimeError(f"the head did not start: {log.read_text(errors='replace')[-2000:]}")


def test_a_submitted_job_writes_its_tables(head: dict[str, str], tmp_path: Path) -> None:
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for number in range(3):
        write_tiny(source / f"clip{number}.mp4", seed=number)
    job = ["python", "-m", "pipelines.batch", "--src", str(source), "--out", str(out)]
    job += ["--stages", "shots", "--workers", "1", "--memory-mb", "600"]
    command = [str(PYTHON), "-m", "ray.scripts.scripts", "job", "submit", "--working-dir", ".", "--", *job]
    done = subprocess.run(command, env=head, cwd=ROOT, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, f"{done.stdout[-3000:]}\n{done.stderr[-3000:]}"
    assert "succeeded" in done.stdout
    rows = pq.read_table(out / "reports", columns=["uri", "outcome"]).to_pylist()
    assert sorted(Path(row["uri"]).name for row in rows) == ["clip0.mp4", "clip1.mp4", "clip2.mp4"]
    assert {row["outcome"] for row in rows} == {"ok"}
