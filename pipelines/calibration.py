"""Measure what a video costs on this machine: one worker's analysis process, one thread, two clips.

The clips are made by this process, so that the memory of the process that is measured, and of the
decoders below it, is what a worker of a job needs and nothing else.
"""

from __future__ import annotations

import os
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from mmu.errors import MmuError
from mmu.networks import ConfigSource, NetworkConfig, load_networks
from mmu.perception.catalog import build_stages
from models.onnx_place import gpu_of
from pipelines.config import JobConfig
from pipelines.costs import REST, Costs, StageCost
from pipelines.isolated import Isolated, ProcessDied
from pipelines.rows import Row

_SHORT, _LONG = 8.0, 32.0
#: longest time for one clip
_PATIENCE = 3600.0
#: seconds between two looks at a process's memory
_EVERY = 0.05
#: a worker's actor, which starts the analysis process and writes its parts; measured in a job
_ACTOR_MB = 280
_PAGE, _TICK = os.sysconf("SC_PAGE_SIZE"), os.sysconf("SC_CLK_TCK")


def calibrate(
    profile: str | None = None,
    *,
    networks: ConfigSource | None = None,
    only: Iterable[str] | None = None,
    hardware: str = "",
    clips: tuple[Path, Path] | None = None,
) -> Costs:
    """Measure this machine.

    A stage on a GPU is taken to hold it for all of its time, which is an upper bound.

    Args:
        profile: table of networks (default: that of `networks`, or cpu).
        networks: a configuration of them.
        only: these stages and what they need.
        hardware: what to call the machine (default: its processor).
        clips: a short and a much longer one (default: the sample at two lengths).

    Raises:
        ConfigError: the pipeline cannot be built, or weights are missing.
        MmuError: the sample clips cannot be analysed.
    """
    from mmu.sample import write_sample

    stages = None if only is None else list(only)
    chosen = load_networks(networks, profile=profile)
    config = JobConfig(src="sample", out="none", networks=chosen.to_json(), stages=stages, cpus=1, pull=False)
    on_gpu = adapters_on_gpu(chosen, stages)
    worker = Isolated(config)
    runs: list[_Run] = []
    size = 0.0
    try:
        with tempfile.TemporaryDirectory() as folder:
            short, long = clips or (
                write_sample(Path(folder) / "short.mp4", seconds=_SHORT),
                write_sample(Path(folder) / "long.mp4", seconds=_LONG),
            )
            worker.start()
            assert worker.pid is not None
            with _Memory(worker.pid) as memory:
                _report(worker, short)  # loads the networks, which a worker does once
                for clip in (short, long):
                    before, started = core_seconds(worker.pid), time.perf_counter()
                    report, kilobytes = _report(worker, clip)
                    spent = core_seconds(worker.pid) - before
                    # Stages tell wall time: what other programs took of the core is taken off.
                    got = min(1.0, spent / (time.perf_counter() - started))
                    seconds = {stage["name"]: got * stage["seconds"] for stage in report["stages"]}
                    seconds[REST] = max(0.0, spent - sum(seconds.values()))
                    held = {
                        stage["name"]: float(stage["seconds"])
                        for stage in report["stages"]
                        if stage["name"] in on_gpu or gpu_of(stage["notes"])
                    }
                    runs.append(_Run(report["media"]["duration"], seconds, held))
                    size = kilobytes
    finally:
        worker.stop()
    return Costs(
        hardware=hardware or _this_machine(),
        profile=chosen.profile,
        onnx=chosen.onnx,
        decode=chosen.decode,
        worker_mb=memory.peak_mb + _ACTOR_MB,
        report_kb=round(size, 1),
        stages=_lines(runs[0], runs[1]),
    )


def _report(worker: Isolated, clip: Path) -> tuple[dict[str, Any], float]:
    """The report of a clip, and the kilobytes that it takes as JSON."""
    from mmu.report.schema import Report

    try:
        answer = worker.ask({"op": "analyze", "row": Row(str(clip)).to_json()}, _PATIENCE)
    except ProcessDied as error:
        raise MmuError(f"the calibration cannot go on: {error}") from error
    report = answer.get("report")
    if report is None or report["media"] is None:
        raise MmuError(f"the sample clip gave no report: {answer.get('error')}")
    text = Report.model_validate(report).to_json(indent=None)
    return report, len(text.encode()) / 1024


class _Memory:
    """Watches the memory of a process and its children from a thread; a context manager."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        #: most megabytes that all of them held at one time
        self.peak_mb = 0

    def _watch(self) -> None:
        while not self._stop.wait(_EVERY):
            sizes = [_read(pid, "statm").split() for pid in _tree(self._pid)]
            pages = sum(int(size[1]) for size in sizes if size)
            self.peak_mb = max(self.peak_mb, pages * _PAGE // 2**20)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        self._thread.join()


@dataclass(frozen=True, slots=True)
class _Run:
    """One clip: its length, and by stage the seconds of a core and those on a GPU."""

    duration: float
    cpu: Mapping[str, float]
    gpu: Mapping[str, float]


def _lines(short: _Run, long: _Run) -> dict[str, StageCost]:
    """A line through two measurements of each stage, neither part below zero."""

    def line(first: float, second: float) -> tuple[float, float]:
        slope = max(0.0, (second - first) / (long.duration - short.duration))
        return round(max(0.0, first - slope * short.duration), 4), round(slope, 5)

    found = {}
    for name, seconds in short.cpu.items():
        fixed, slope = line(seconds, long.cpu[name])
        gpu_fixed, gpu_slope = line(short.gpu.get(name, 0.0), long.gpu.get(name, 0.0))
        found[name] = StageCost(fixed=fixed, per_second=slope, gpu_fixed=gpu_fixed, gpu_per_second=gpu_slope)
    return found


def adapters_on_gpu(networks: NetworkConfig, only: Iterable[str] | None = None) -> set[str]:
    """Stages whose adapter takes a GPU that is here; those of the default networks say so in their notes."""
    import ctranslate2

    if not ctranslate2.get_cuda_device_count():
        return set()
    return {stage.name for stage in build_stages(config=networks, only=only) if stage.cost.gpus > 0}


def core_seconds(pid: int) -> float:
    """CPU time of a process and its children so far, those that ended included."""
    ticks = 0
    for one in _tree(pid):
        fields = _read(one, "stat").rpartition(")")[2].split()
        ticks += sum(map(int, fields[11:15]))
    return ticks / _TICK


def _tree(root: int) -> list[int]:
    """A process and its descendants."""
    found = [root]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").glob("*"):
            found += map(int, _read(pid, f"task/{task.name}/children").split())
    return found


def _read(pid: int, name: str) -> str:
    """A file of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/{name}").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _this_machine() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "unknown processor"
    return f"{name}, 1 core, {time.strftime('%Y-%m')}"
