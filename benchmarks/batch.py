"""What the batch job costs beside the analysis itself.

    python -m benchmarks.batch throughput [--clips 60] [--seconds 2] [--stages shots,labels]
    python -m benchmarks.batch memory [--rows 100 10000]
    python -m benchmarks.batch listing [--rows 1000000]
    python -m benchmarks.batch folder DIR…
    python -m benchmarks.batch predicted [--clips 8] [--stages …] [--costs costs.yaml]
    python -m benchmarks.batch long [--minutes 11] [--workers 2] [--stages …]
    python -m benchmarks.batch together [--clips 12] [--at-once 1 4] [--model resnet50] [--device cuda]

`throughput` compares a job of two workers with two plain processes that run `mmu.analyze_many` on halves of
the same clips. Each is run with a few clips and with all; the difference is what a video costs, without
start-up: in wall time, which is right on an idle machine only, and in CPU time of all processes (Ray's own
too), whose ratio is the throughput that two busy cores would see. `memory` is the driver's peak for rows that
name no file. `listing` reads keys from a generator through the ledger and discards the rows. `folder` runs a
job over folders and accounts for every file. `predicted` compares the time of a job over sample clips with
what the planner's simulator says. `long` is one long video by one worker, and shared by several: wall time
without start-up, which is right on an idle machine only, and CPU time. `together` runs a torchvision
classifier with random weights over short clips, one after the other and several at once: batches that it saw,
and videos a second.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pyarrow.parquet as pq

from benchmarks.tiny import write_tiny
from mmu.errors import USER_ERRORS, ConfigError

ROOT = Path(__file__).resolve().parents[1]
WORKERS = 2
#: clips of the short run whose time is taken off
FEW = 4
#: of Linux's <sys/prctl.h>
PR_SET_CHILD_SUBREAPER = 36
PLAIN = """
import sys, mmu
names, stages = sys.argv[2:], sys.argv[1].split(",")
for report in mmu.analyze_many(names, only=stages, threads=1):
    report.to_json()
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="what", required=True)
    one = commands.add_parser("throughput")
    one.add_argument("--clips", type=int, default=60)
    one.add_argument("--seconds", type=float, default=2.0)
    one.add_argument("--stages", default="shots,labels")
    one = commands.add_parser("memory")
    one.add_argument("--rows", type=int, nargs="+", default=[100, 10_000])
    one = commands.add_parser("listing")
    one.add_argument("--rows", type=int, default=1_000_000)
    one = commands.add_parser("folder")
    one.add_argument("folders", nargs="+")
    one.add_argument("--stages", default=None)
    one = commands.add_parser("predicted")
    one.add_argument("--clips", type=int, default=8)
    one.add_argument("--stages", default=None)
    one.add_argument("--costs", type=Path, help="measured costs (default: measured now)")
    one = commands.add_parser("long")
    one.add_argument("--minutes", type=float, default=11.0)
    one.add_argument("--workers", type=int, default=WORKERS)
    one.add_argument("--stages", default=None)
    one = commands.add_parser("together")
    one.add_argument("--clips", type=int, default=12)
    one.add_argument("--seconds", type=float, default=2.0)
    one.add_argument("--at-once", type=int, nargs="+", default=[1, 4])
    one.add_argument("--model", default="mobilenet_v3_large")
    one.add_argument("--device", default="auto")
    one.add_argument("--batch", type=int, default=32)
    args = parser.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="mmu-batch-") as name:
        folder = Path(name)
        try:
            return run(folder, args)
        except USER_ERRORS as error:
            print(f"batch: {error}", file=sys.stderr)
            return 2


def run(folder: Path, args: argparse.Namespace) -> int:
    """What was asked for; 1 when `folder` lost a file."""
    if args.what == "throughput":
        throughput(folder, args.clips, args.seconds, args.stages)
    elif args.what == "memory":
        memory(folder, args.rows)
    elif args.what == "listing":
        listing(args.rows)
    elif args.what == "predicted":
        predicted(folder, args.clips, args.stages, args.costs)
    elif args.what == "long":
        long(folder, args.minutes, args.workers, args.stages)
    elif args.what == "together":
        together(folder, args)
    else:
        return account(folder, args.folders, args.stages)
    return 0


def throughput(folder: Path, clips: int, seconds: float, stages: str) -> None:
    """Seconds a video of both, and their ratio."""
    wall: dict[tuple[str, int], float] = {}
    cpu: dict[tuple[str, int], float] = {}
    _adopt_orphans()
    for number in (FEW, FEW + clips):
        source = folder / f"in{number}"
        source.mkdir()
        files = [write_tiny(source / f"c{i}.mp4", seed=i, seconds=seconds) for i in range(number)]
        halves = [files[part::WORKERS] for part in range(WORKERS)]
        started, before = time.perf_counter(), _children_cpu()
        running = [_start("-c", PLAIN, stages, *half) for half in halves]
        for process in running:
            if process.wait():
                raise SystemExit("a plain process failed")
        wall["plain", number] = time.perf_counter() - started
        cpu["plain", number] = _children_cpu() - before
        started, before = time.perf_counter(), _children_cpu()
        run_job(source, folder / f"out{number}", "--stages", stages, "--workers", WORKERS)
        wall["job", number] = time.perf_counter() - started
        cpu["job", number] = _children_cpu() - before
    for name, times in (("wall time", wall), ("CPU time", cpu)):
        cost = {kind: (times[kind, FEW + clips] - times[kind, FEW]) / clips for kind in ("plain", "job")}
        each = ", ".join(f"{kind} {1000 * spent:.0f} ms a video" for kind, spent in cost.items())
        print(f"{name}: {each}; throughput of the job {cost['plain'] / cost['job']:.2f} of plain processes")
        start = ", ".join(f"{kind} {times[kind, FEW] - FEW * spent:.1f} s" for kind, spent in cost.items())
        print(f"  start-up: {start}")
    print(f"overhead a video: {1000 * (cost['job'] - cost['plain']):.0f} ms of CPU")


def long(folder: Path, minutes: float, workers: int, stages: str | None) -> None:
    """Seconds of one long video, by one worker and shared by several."""
    from benchmarks.clips import loop_clip
    from mmu.sample import write_sample

    short = write_tiny(folder / "tiny.mp4", seed=1)
    video = loop_clip(write_sample(folder / "sample.mp4"), folder / "long.mp4", seconds=60 * minutes)
    _adopt_orphans()
    spent: dict[int, tuple[float, float]] = {}
    for number in (1, workers):
        config = folder / f"{number}.yaml"
        limit = None if number == 1 else 1.0
        config.write_text(json.dumps({"long_seconds": limit, "stages": stages and stages.split(",")}))
        taken = []
        for clip in (short, video):
            source, out = folder / f"{number}-{clip.stem}.jsonl", folder / f"out{number}-{clip.stem}"
            source.write_text(json.dumps({"uri": str(clip)}) + "\n")
            started, before = time.perf_counter(), _children_cpu()
            run_job(source, out, "--workers", number, "--config", config)
            taken.append((time.perf_counter() - started, _children_cpu() - before))
        wall, cpu = (all_ - start for start, all_ in zip(*taken, strict=True))
        spent[number] = wall, cpu
        windows = json.loads((out / "job/summary.json").read_text())["windows"]
        print(f"{number} worker(s): {wall:.0f} s wall, {cpu:.0f} s of CPU, {windows} windows", flush=True)
    one, several = spent[1], spent[workers]
    print(
        f"shared: {one[0] / several[0]:.2f} times as fast, with {several[1] / one[1]:.2f} times the CPU time"
    )


def _adopt_orphans() -> None:
    """Make what the job leaves behind (Ray's processes) children of this one, whose CPU time counts."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _children_cpu() -> float:
    """CPU seconds of all children that ended; waits for those that are about to."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                time.sleep(0.1)
        except ChildProcessError:
            break
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def memory(folder: Path, sizes: Sequence[int]) -> None:
    """Peak resident memory of the driver for manifests of several sizes."""
    for number in sizes:
        manifest = folder / f"{number}.jsonl"
        manifest.write_text("".join(json.dumps({"uri": f"/absent/{i}.mp4"}) + "\n" for i in range(number)))
        out = folder / f"out{number}"
        run_job(manifest, out, "--stages", "shots", "--workers", 1)
        summary = json.loads((out / "job" / "summary.json").read_text())
        rows = pq.read_table(out / "dead_letters", columns=["key"]).num_rows
        seconds = summary["seconds"]
        print(
            f"{number} rows: driver at most {summary['driver_peak_mb']} MB, {seconds} s, {rows} dead letters"
        )


def listing(rows: int) -> None:
    """Time and memory of reading keys, without work."""
    from pipelines.intake import Intake, Sizer
    from pipelines.ledger import Ledger
    from pipelines.progress import Numbers
    from pipelines.rows import Row

    def source() -> Iterator[Row]:
        for number in range(rows):
            yield Row(f"s3://bucket/videos/{number:012}.mp4", number % 1000, str(number))

    before, started, taken = _peak(), time.perf_counter(), 0
    with Ledger() as ledger:
        intake = Intake(source(), ledger, Numbers(), lookahead=5000)
        size = Sizer(rows=1000, seconds=1e9)
        while not intake.empty:
            intake.fill(wait=0.1)
            while (task := intake.next_task(size, 1)) is not None:
                taken += len(task.rows)
    seconds = time.perf_counter() - started
    print(f"{taken} rows in {seconds:.1f} s ({taken / seconds:,.0f}/s), memory +{_peak() - before} MB")


def account(folder: Path, folders: Sequence[str], stages: str | None) -> int:
    """Run a job over folders; every file must be in exactly one table."""
    files = sorted(p for place in folders for p in Path(place).resolve().rglob("*") if p.is_file())
    manifest = folder / "list.jsonl"
    manifest.write_text("".join(json.dumps({"uri": str(file)}) + "\n" for file in files))
    out = folder / "out"
    run_job(manifest, out, *(["--stages", stages] if stages else []), "--workers", WORKERS)
    seen: Counter[str] = Counter()
    for table, column in (("reports", "outcome"), ("dead_letters", "code")):
        if (out / table).exists():
            rows = pq.read_table(out / table, columns=["uri", column]).to_pylist()
            seen.update(row["uri"] for row in rows)
            print(f"{table}: {len(rows)} ({dict(Counter(row[column] for row in rows).most_common())})")
    lost = [file for file in files if seen[str(file)] == 0]
    twice = [uri for uri, number in seen.items() if number > 1]
    print(f"{len(files)} files, {len(lost)} lost, {len(twice)} twice")
    return 1 if lost or twice else 0


def predicted(folder: Path, clips: int, stages: str | None, path: Path | None) -> None:
    """Seconds of a job of two workers over clips of two lengths, and the simulator's."""
    from mmu.sample import write_sample
    from pipelines.calibration import calibrate
    from pipelines.costs import load_costs
    from pipelines.simulate import makespan

    costs = load_costs(path, "cpu") if path else calibrate(only=stages.split(",") if stages else None)
    source = folder / "in"
    source.mkdir()
    lengths = [(12.0, 6.0)[number % 2] for number in range(clips)]
    for number, length in enumerate(lengths):
        write_sample(source / f"{number}.mp4", seconds=length)
    run_job(source, folder / "out", *(["--stages", stages] if stages else []), "--workers", WORKERS)
    summary = json.loads((folder / "out" / "job" / "summary.json").read_text())
    # The first clip ends after the start of the cluster, the loading of networks, and its own analysis.
    took = summary["seconds"] - summary["seconds_to_first"]
    longest_first = sorted(lengths, reverse=True)
    expected = makespan(longest_first, costs, workers=WORKERS) - costs.cpu(longest_first[0])
    print(f"{clips} clips, after the first: {took:.1f} s, predicted {expected:.1f} s ({took / expected:.2f})")


def together(folder: Path, args: argparse.Namespace) -> None:
    """Batches and videos a second of one network, for each number of videos at once."""
    try:
        import torch
        import torchvision
    except ImportError as error:
        raise ConfigError(f"{error}: pip install 'mmu-video[torch]'") from error
    from mmu.analyzer import Analyzer
    from models.torch.classification import Classifier

    weights = folder / "random.pth"
    torch.save(torchvision.models.get_model(args.model, weights=None).state_dict(), weights)
    choice = {"adapter": "torchvision.classification", "model": args.model, "weights": str(weights)}
    config = {"device": args.device, "stages": {"labels": {**choice, "batch": args.batch}}}
    clips = [write_tiny(folder / f"{i}.mp4", seed=i, seconds=args.seconds) for i in range(args.clips)]
    seen: list[tuple[int, float]] = []
    forward = Classifier._forward

    def timed(self: Classifier, pixels: torch.Tensor) -> object:
        started = time.perf_counter()
        found = forward(self, pixels)
        seen.append((len(pixels), time.perf_counter() - started))
        return found

    Classifier._forward = timed  # type: ignore[method-assign,assignment]
    with Analyzer(config=config, only=["labels"], threads=1) as analyzer:
        analyzer.analyze(clips[0])  # loads
        for number in args.at_once:
            seen.clear()
            started = time.perf_counter()
            reports = list(analyzer.analyze_many(clips, at_once=number))
            seconds = time.perf_counter() - started
            pictures, inside = sum(size for size, _ in seen), sum(spent for _, spent in seen)
            if any(report.outcome != "ok" for report in reports) or not pictures:
                raise SystemExit("a video was not analysed")
            print(
                f"{number} at once: {len(clips) / seconds:.2f} videos/s; {pictures} pictures in {len(seen)} "
                f"batches, {pictures / len(seen):.1f} each ({sorted(size for size, _ in seen)}); "
                f"{1000 * inside / pictures:.1f} ms a picture in it, {inside / seconds:.0%} of the time"
            )


def run_job(source: Path, out: Path, *options: object, environment: Mapping[str, str] | None = None) -> None:
    """Run a batch job to its end, on a Ray of its own or that of an environment.

    Raises:
        SystemExit: it cannot be run.
    """
    words = ["-m", "pipelines.batch", "--src", source, "--out", out, "--memory-mb", 300, "--quiet", *options]
    if _start(*map(str, words), given=environment).wait() not in (0, 1):
        raise SystemExit("the job failed")


def _start(*words: object, given: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    limits = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    own = {"PYTHONPATH": str(ROOT), "RAY_ADDRESS": "local"}
    environment = {**os.environ, **limits, **own, **(given or {})}
    command = [sys.executable, *map(str, words)]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)


def _peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


if __name__ == "__main__":
    sys.exit(main())
