"""Take a node of a Ray cluster away while a batch job runs on it, and compare with an undisturbed run.

    python -m benchmarks.nodes [--clips 200] [--nodes 2] [--stages shots,hashes] [--back]

Starts a head without CPUs and several nodes of one CPU, each with processes, ports and a store of its
own (`ray start`), runs the job on them, and ends all processes of one node with SIGKILL at once, as a
power cut would. With `--back` another node joins a little later.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from benchmarks.kills import ROOT, Compared, compare, prepare, processes_below

#: megabytes that a node offers to workers, and its object store
NODE_MB, STORE_MB = 1024, 80
#: seconds to wait for nodes and for work on them: long, for a machine with other work
PATIENCE = 400.0
#: nodes that are started until one comes
TRIES = 3
#: ends when the cluster has so many nodes
_ASK = """
import sys, time, ray
ray.init(logging_level="ERROR")
while sum(node["Alive"] for node in ray.nodes()) < int(sys.argv[1]):
    time.sleep(0.1)
"""


class Cluster:
    """A head and nodes on loopback, in processes of their own; a context manager that ends them."""

    def __init__(self, *, cpus: int = 0) -> None:
        """Start the head.

        Args:
            cpus: CPUs of the head; without any it only schedules, and workers are on nodes that can go.
        """
        # Sockets lie below it, whose paths may have 107 bytes.
        self._folder = Path(tempfile.mkdtemp(prefix="mmu-ray-", dir="/tmp"))
        self._log = (self._folder / "start.log").open("wb")
        self.address = f"127.0.0.1:{_free_port()}"
        self.environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "RAY_ADDRESS": self.address,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
            "RAY_USAGE_STATS_ENABLED": "0",
            # Half a minute is not enough for a raylet on a busy machine.
            "RAY_raylet_start_wait_time_s": str(int(PATIENCE)),
            # Nor are ten seconds for an answer; a node that is gone refuses the connection at once.
            "RAY_health_check_timeout_ms": "60000",
            "RAY_health_check_period_ms": "1000",
            # Ray's workers are nice (15): on a machine with other work they would get next to nothing.
            "RAY_worker_niceness": "0",
        }
        self.nodes: list[subprocess.Popen[bytes]] = []
        port = self.address.rpartition(":")[2]
        self._head = self._start("--head", f"--port={port}", "--include-dashboard=false", cpus=cpus)
        # Nodes that come too early give up after a while.
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self._head.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                    break
            time.sleep(0.2)

    def add(self) -> subprocess.Popen[bytes]:
        """Start one more node."""
        node = self._start(f"--address={self.address}", cpus=1)
        self.nodes.append(node)
        return node

    def _start(self, *options: str, cpus: int) -> subprocess.Popen[bytes]:
        ports = ("dashboard-agent-listen", "dashboard-agent-grpc", "runtime-env-agent", "metrics-export")
        command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options, "--block"]
        command += ["--node-ip-address=127.0.0.1", f"--num-cpus={cpus}", f"--memory={NODE_MB * 2**20}"]
        command += [f"--object-store-memory={STORE_MB * 2**20}", "--min-worker-port=0", "--max-worker-port=0"]
        command += [f"--{name}-port={_free_port()}" for name in ports]
        if "--head" in options:
            command += [f"--temp-dir={self._folder}", f"--ray-client-server-port={_free_port()}"]
        # `ray start` takes the address of the environment for that of another cluster.
        environment = {name: text for name, text in self.environment.items() if name != "RAY_ADDRESS"}
        return subprocess.Popen(command, env=environment, cwd=ROOT, stdout=self._log, stderr=self._log)

    def join(self) -> None:
        """Start one more node and wait until the head knows it; a node that does not come is replaced.

        Nodes are started one after the other: of two that start together on one machine, one may not come.

        Raises:
            RuntimeError: none came; with what `ray start` said.
        """
        for _ in range(TRIES):
            node = self.add()
            if self._wait_for(1 + len(self.nodes), node):
                return
            self.take_away(node)
        log = (self._folder / "start.log").read_text(errors="replace")[-2000:]
        raise RuntimeError(f"the node did not start\n{log}")

    def ready(self) -> Self:
        """Wait until the head can be used.

        Raises:
            RuntimeError: it did not start; with what `ray start` said.
        """
        if not self._wait_for(1, self._head):
            log = (self._folder / "start.log").read_text(errors="replace")[-2000:]
            raise RuntimeError(f"the head did not start\n{log}")
        return self

    def _wait_for(self, nodes: int, started: subprocess.Popen[bytes]) -> bool:
        """Wait until the head knows so many nodes; False when it takes too long, or one of the two ended."""
        command = [sys.executable, "-c", _ASK, str(nodes)]

        def ask() -> subprocess.Popen[bytes]:
            silent = subprocess.DEVNULL
            return subprocess.Popen(command, env=self.environment, stdout=silent, stderr=silent)

        asking = ask()
        deadline = time.monotonic() + PATIENCE / TRIES
        while time.monotonic() < deadline and all(one.poll() is None for one in (self._head, started)):
            if asking.poll() == 0:
                return True
            if asking.poll() is not None:  # it came too early
                asking = ask()
            time.sleep(0.05)
        asking.kill()
        asking.wait()
        return False

    def take_away(self, node: subprocess.Popen[bytes]) -> None:
        """End all processes of a node at once."""
        pids = [node.pid, *(pid for pid, _ in processes_below(node.pid))]
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        node.wait()
        if node in self.nodes:
            self.nodes.remove(node)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for node in [*self.nodes, self._head]:
            self.take_away(node)
        self._log.close()
        shutil.rmtree(self._folder, ignore_errors=True)


@dataclass(slots=True)
class Lost:
    """What came of a run whose node went away."""

    compared: Compared
    #: how the job ended, and what it said
    code: int
    output: str
    #: the job's own summary
    summary: dict[str, object] = field(default_factory=dict)


def run_loss(
    folder: Path, *, clips: int, nodes: int, stages: str, head_cpus: int = 0, back: bool = False
) -> Lost:
    """Run a job on a cluster, take one node away while it works, and compare its tables."""
    quiet, command = prepare(folder, clips=clips, stages=stages, workers=nodes + head_cpus)
    out = folder / "lost"
    with Cluster(cpus=head_cpus) as cluster:
        for _ in range(nodes):
            cluster.join()
        job = subprocess.Popen(
            [*command, "--out", str(out)],
            env=cluster.environment,
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            _wait_for_work(job, cluster, out)
            cluster.take_away(cluster.nodes[0])
            if back:
                cluster.add()
            output, _ = job.communicate(timeout=1800)
        finally:
            if job.poll() is None:
                job.kill()
                job.wait()
    summary = out / "job" / "summary.json"
    facts = json.loads(summary.read_text()) if summary.exists() else {}
    return Lost(compare(quiet, out), job.returncode, output, facts)


def _wait_for_work(job: subprocess.Popen[str], cluster: Cluster, out: Path) -> None:
    """Wait until every node analyses and something is finished."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and job.poll() is None:
        working = [
            any("pipelines.child" in words for _, words in processes_below(node.pid))
            for node in cluster.nodes
        ]
        if all(working) and (any((out / "_log").glob("*.parquet")) or (out / "reports").exists()):
            return
        time.sleep(0.05)
    said = f"\n{job.communicate()[0]}" if job.poll() is not None else ""
    raise RuntimeError(f"the job did not come to work on all nodes{said}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; 0 when nothing was lost, repeated or changed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--clips", type=int, default=200)
    parser.add_argument("--nodes", type=int, default=2)
    parser.add_argument("--stages", default="shots,hashes")
    parser.add_argument("--back", action="store_true", help="another node joins after the loss")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="mmu-nodes-") as folder:
        lost = run_loss(Path(folder), clips=args.clips, nodes=args.nodes, stages=args.stages, back=args.back)
    print(f"exit code {lost.code}: {lost.output.strip().rpartition(chr(10))[2]}")
    print(f"{args.nodes} nodes, one taken away; workers lost: {lost.summary.get('worker_deaths')}")
    print(lost.compared)
    return 0 if lost.compared.same and lost.code in (0, 1) else 1


if __name__ == "__main__":
    sys.exit(main())
