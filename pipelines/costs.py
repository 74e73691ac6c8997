"""What a video costs: seconds of CPU and GPU by stage, measured on named hardware.

A stage costs `fixed + per_second x duration`. The figures are data
(`pipelines/data/costs.yaml`); `calibrate` measures those of this machine.
"""

from __future__ import annotations

import resource
import tempfile
import time
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmu.errors import ConfigError

SHIPPED = Path(__file__).with_name("data") / "costs.yaml"
#: everything that is not a stage: opening, decoding, reasoning, writing
REST = "decode_and_reason"
_SHORT, _LONG = 8.0, 32.0


class StageCost(BaseModel):
    """Seconds of one core (and of one GPU) that a stage takes for a video."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fixed: float = Field(ge=0, description="core-seconds a video, however short")
    per_second: float = Field(ge=0, description="core-seconds a second of video")
    gpu_fixed: float = Field(0.0, ge=0)
    gpu_per_second: float = Field(0.0, ge=0)

    def cpu(self, seconds: float) -> float:
        """Core-seconds of a video of this length."""
        return self.fixed + self.per_second * seconds

    def gpu(self, seconds: float) -> float:
        """GPU-seconds of a video of this length."""
        return self.gpu_fixed + self.gpu_per_second * seconds


class Costs(BaseModel):
    """The costs of one profile on one kind of machine."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    hardware: str = Field(description="the machine that was measured")
    profile: str
    worker_mb: int = Field(gt=0, description="memory of one worker with its networks loaded")
    report_kb: float = Field(ge=0, description="size of one report as JSON")
    stages: dict[str, StageCost] = Field(min_length=1)

    def cpu(self, seconds: float, *, skip: Iterable[str] = ()) -> float:
        """Core-seconds of a video of this length."""
        gone = set(skip)
        return sum(cost.cpu(seconds) for name, cost in self.stages.items() if name not in gone)

    def gpu(self, seconds: float, *, skip: Iterable[str] = ()) -> float:
        """GPU-seconds of a video of this length."""
        gone = set(skip)
        return sum(cost.gpu(seconds) for name, cost in self.stages.items() if name not in gone)


def load_costs(path: Path | None, profile: str) -> Costs:
    """Measured costs of a profile.

    Args:
        path: a file that `calibrate` (or a person) wrote; None: the shipped figures.
        profile: `cpu` or `gpu`.

    Raises:
        ConfigError: the file cannot be used, or holds no figures of this profile.
    """
    source = path or SHIPPED
    try:
        rows = yaml.safe_load(source.read_text(encoding="utf-8"))
        found = [Costs.model_validate(row) for row in rows["costs"]]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise ConfigError(f"{source}: not a file of costs: {error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise ConfigError(f"{source}: {where}: {first['msg']}") from error
    for costs in found:
        if costs.profile == profile:
            return costs
    measured = ", ".join(costs.profile for costs in found)
    raise ConfigError(
        f"{source} has no figures of profile {profile!r} (it has {measured}); measure them where it runs "
        f"(python -m pipelines.plan --calibrate FILE --profile {profile}) and give them with --costs FILE"
    )


def calibrate(profile: str = "cpu", *, only: Iterable[str] | None = None, hardware: str = "") -> Costs:
    """Measure this machine with one worker of one thread: two clips of the packaged sample media.

    Raises:
        ConfigError, ModelError: the pipeline cannot be built, or weights are missing.
    """
    from mmu.analyzer import Analyzer
    from mmu.sample import write_sample

    runs: list[tuple[float, dict[str, float]]] = []
    size = 0.0
    with (
        tempfile.TemporaryDirectory() as folder,
        Analyzer(profile=profile, only=only, threads=1) as analyzer,  # type: ignore[arg-type]
    ):
        short = write_sample(Path(folder) / "short.mp4", seconds=_SHORT)
        long = write_sample(Path(folder) / "long.mp4", seconds=_LONG)
        analyzer.analyze(short)  # loads the networks, which a worker does once
        for clip in (short, long):
            before = _core_seconds()
            report = analyzer.analyze(clip)
            spent = _core_seconds() - before
            seconds = {stage.name: stage.seconds for stage in report.stages}
            seconds[REST] = max(0.0, spent - sum(seconds.values()))
            assert report.media is not None
            runs.append((report.media.duration, seconds))
            size = len(report.to_json(indent=None).encode()) / 1024
    return Costs(
        hardware=hardware or _this_machine(),
        profile=profile,
        worker_mb=_peak_mb(),
        report_kb=round(size, 1),
        stages=_lines(runs[0], runs[1]),
    )


def write_costs(costs: Costs, path: Path) -> None:
    """Write figures where `load_costs` reads them.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        text = yaml.safe_dump({"costs": [costs.model_dump()]}, sort_keys=False, allow_unicode=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error}") from error


def _lines(
    short: tuple[float, Mapping[str, float]], long: tuple[float, Mapping[str, float]]
) -> dict[str, StageCost]:
    """A line through two measurements of each stage, neither part below zero."""
    found = {}
    for name in short[1]:
        slope = max(0.0, (long[1][name] - short[1][name]) / (long[0] - short[0]))
        fixed = max(0.0, short[1][name] - slope * short[0])
        found[name] = StageCost(fixed=round(fixed, 4), per_second=round(slope, 5))
    return found


def _core_seconds() -> float:
    mine, children = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return mine.ru_utime + mine.ru_stime + children.ru_utime + children.ru_stime


def _peak_mb() -> int:
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    return round(sum(resource.getrusage(kind).ru_maxrss for kind in kinds) / 1024)


def _this_machine() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        name = next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        name = "unknown processor"
    return f"{name}, 1 core, {time.strftime('%Y-%m')}"
