"""Kill a batch job at random moments until it has ended, and compare its tables with an uninterrupted run's.

    python -m benchmarks.kills [--kills 20] [--clips 400] [--long 0] [--seed 1] [--stages shots,hashes]

Each round starts the job and kills one of its processes with SIGKILL after a random time: the driver,
a worker actor, an analysis process, or Ray's raylet. Then it is started again. `--long` adds clips of five
minutes and a half, which two workers share.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.clips import write_sparse
from benchmarks.tiny import write_tiny

ROOT = Path(__file__).resolve().parents[1]
VICTIMS = ("driver", "worker", "child", "raylet")
#: columns that tell when and how long, not what
TIMES = ("finished_at", "stages", "report", "date", "attempts")
#: seconds to wait for the job's processes to appear, and for a killed driver's to go
PATIENCE = 120.0


@dataclass(frozen=True, slots=True)
class Compared:
    """The tables of a disturbed run against those of one that was left alone."""

    rows: int
    lost: int
    twice: int
    different: int

    @property
    def same(self) -> bool:
        return not (self.lost or self.twice or self.different)

    def __str__(self) -> str:
        return f"{self.rows} rows: {self.lost} lost, {self.twice} twice, {self.different} different"


@dataclass(slots=True)
class Kills:
    """What happened."""

    compared: Compared
    killed: Counter[str] = field(default_factory=Counter)
    runs: int = 0


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; 0 when nothing was lost, repeated or changed."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--clips", type=int, default=400)
    parser.add_argument("--long", type=int, default=0)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stages", default="shots,hashes")
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="mmu-kills-") as folder:
        done = run_kills(
            Path(folder),
            kills=args.kills,
            clips=args.clips,
            long=args.long,
            seed=args.seed,
            stages=args.stages,
        )
    victims = ", ".join(f"{number} {who}" for who, number in sorted(done.killed.items()))
    print(f"{sum(done.killed.values())} kills ({victims}), {done.runs} starts of the job")
    print(done.compared)
    return 0 if done.compared.same else 1


def run_kills(
    folder: Path, *, kills: int, clips: int, seed: int, stages: str, long: int = 0, say: bool = True
) -> Kills:
    """Kill a job `kills` times and compare it with one that was left alone."""
    quiet, command = prepare(folder, clips=clips, stages=stages, workers=2, long=long)
    errors = folder / "errors.txt"
    out, dice = folder / "killed", random.Random(seed)
    killed: Counter[str] = Counter()
    runs = 0
    while True:
        process = _start([*command, "--out", str(out)], errors)
        runs += 1
        while sum(killed.values()) < kills and process.poll() is None:
            # A kill of the driver or the raylet ends the run: others come first within one.
            victim = VICTIMS[dice.randrange(len(VICTIMS))]
            if not _wait_for_work(process):
                break
            time.sleep(dice.uniform(0.0, 3.0))
            if process.poll() is None and _kill(process, victim):
                killed[victim] += 1
                if say:
                    print(f"killed {victim}", file=sys.stderr, flush=True)
                if victim in ("driver", "raylet"):
                    break
        # A run that comes to its end has nothing left to be killed over.
        if process.wait(timeout=900) in (0, 1):
            break
        if runs > 2 * kills + 5:
            raise SystemExit(f"the job does not come to its end: {errors.read_text()[-2000:]}")
    return Kills(compare(quiet, out), killed, runs)


def prepare(
    folder: Path,
    *,
    clips: int,
    stages: str,
    workers: int,
    long: int = 0,
    environment: Mapping[str, str] | None = None,
) -> tuple[Path, list[str]]:
    """Clips, two broken files, and the tables of an undisturbed run over them, once a folder.

    Args:
        folder: where to.
        clips: how many.
        stages: of the job, comma-separated.
        workers: most actors of the job.
        long: clips of five minutes and a half beside them.
        environment: of the undisturbed run, for one on a cluster (default: a Ray of its own).

    Returns:
        The folder of those tables, and the command of the job without its `--out`.
    """
    source, listed, quiet = folder / "in", folder / "in.jsonl", folder / "quiet"
    command = [sys.executable, "-m", "pipelines.batch", "--src", str(listed), "--stages", stages, "--quiet"]
    command += ["--workers", str(workers), "--memory-mb", "300", "--config", str(write_config(folder))]
    if not source.exists():
        source.mkdir()
        for number in range(clips):
            write_tiny(source / f"clip{number:05}.mp4", seed=number)
        (source / "broken.mp4").write_bytes(b"not a video")
        (source / "empty.mp4").touch()
        for number in range(long):
            write_sparse(source / f"long{number:02}.mp4", seconds=330, events=(6.0, 290.0 + number, 310.0))
        listed.write_text("".join(json.dumps({"uri": str(one)}) + "\n" for one in sorted(source.iterdir())))
        _start([*command, "--out", str(quiet)], folder / "errors.txt", environment).wait(timeout=1800)
    return quiet, command


def compare(quiet: Path, out: Path) -> Compared:
    """Compare the tables of two runs over the same source, but for timings."""
    expected, found = rows(quiet), rows(out)
    have, want = Counter(key for key, _ in found.elements()), Counter(key for key, _ in expected.elements())
    lost = sum((want - have).values())
    return Compared(
        rows=sum(found.values()),
        lost=lost,
        twice=sum(number - 1 for number in have.values() if number > 1),
        different=sum((expected - found).values()) - lost,
    )


def rows(out: Path) -> Counter[tuple[str, str]]:
    """(table and key, content without times) of all rows of all tables."""
    found: Counter[tuple[str, str]] = Counter()
    for table in ("reports", "signals", "dead_letters"):
        if not (out / table).exists():
            continue
        for row in pq.read_table(out / table).to_pylist():
            name = f"{table} {row['key']} {row.get('signal', '')}"
            plain = {column: value for column, value in row.items() if column not in TIMES}
            found[name, json.dumps(plain, default=str, sort_keys=True)] += 1
    return found


def write_config(folder: Path) -> Path:
    """Options of a job under attack, as a file."""
    path = folder / "job.yaml"
    # Small tasks and folds: a kill meets every step of the work.
    path.write_text("chunk_rows: 3\nchunk_seconds: 2\nfold_mb: 0.05\nlong_seconds: 300\n")
    return path


def _start(
    command: list[str], errors: Path, given: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    own = {"PYTHONPATH": str(ROOT), "RAY_ADDRESS": "local"}
    # A raylet that is gone refuses the connection at once: no need to ask it five times in fifteen seconds.
    # And Ray's workers are nice (15): on a machine with other work they would get next to nothing.
    ray = {"RAY_health_check_period_ms": "1000", "RAY_worker_niceness": "0"}
    environment = {**os.environ, **own, **ray, **(given or {})}
    with errors.open("ab") as log:
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL, stderr=log)


def _wait_for_work(process: subprocess.Popen[bytes]) -> bool:
    """Wait until the job has an analysis process; False when it ended first."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and process.poll() is None:
        if _processes(process, "child"):
            return True
        time.sleep(0.1)
    return False


def _kill(process: subprocess.Popen[bytes], victim: str) -> bool:
    pids = [process.pid] if victim == "driver" else _processes(process, victim)
    for pid in pids[:1]:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True
    return False


_MARKS = {"child": "pipelines.child", "worker": "ray::Worker", "raylet": "raylet/raylet"}


def _processes(process: subprocess.Popen[bytes], victim: str) -> list[int]:
    """Processes of one kind below the driver."""
    return [pid for pid, words in processes_below(process.pid) if _MARKS[victim] in words]


def processes_below(root: int) -> list[tuple[int, str]]:
    """Ids and command lines of the descendants of a process."""
    parents: dict[int, list[tuple[int, str]]] = {}
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            parent = int((entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
            words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except (OSError, IndexError, ValueError):
            continue
        parents.setdefault(parent, []).append((int(entry.name), words))
    found, todo = [], [root]
    while todo:
        for pid, words in parents.get(todo.pop(), []):
            found.append((pid, words))
            todo.append(pid)
    return found


if __name__ == "__main__":
    sys.exit(main())
