"""What a video costs: seconds of CPU and GPU by stage, measured on named hardware.

A stage costs `fixed + per_second x duration`. The figures are data
(`pipelines/data/costs.yaml`); `pipelines.calibration` measures those of this machine.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmu.errors import ConfigError

SHIPPED = Path(__file__).with_name("data") / "costs.yaml"
#: everything that is not a stage: opening, decoding, reasoning, writing
REST = "decode_and_reason"
#: memory that every further video adds that a worker analyses at once: its decoder, pictures and sound
VIDEO_MB = 300


class StageCost(BaseModel):
    """Seconds of one core (and of one GPU) that a stage takes for a video."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    fixed: float = Field(ge=0, description="core-seconds a video, however short")
    per_second: float = Field(ge=0, description="core-seconds a second of video")
    gpu_fixed: float = Field(0.0, ge=0)
    gpu_per_second: float = Field(0.0, ge=0)
    at_once: dict[Annotated[int, Field(ge=2, le=64)], Annotated[float, Field(gt=0, le=10)]] = Field(
        default_factory=dict,
        description="videos that a worker analyses at once -> share of these seconds that each takes then",
    )

    def share(self, videos: int) -> float:
        """What a video takes of its seconds alone with so many at once; as measured with the next fewer."""
        return self.at_once.get(max((count for count in self.at_once if count <= videos), default=1), 1.0)

    def scaled(self, share: float) -> StageCost:
        """The same with all seconds times `share`."""
        seconds = ("fixed", "per_second", "gpu_fixed", "gpu_per_second")
        return self.model_copy(update={name: share * getattr(self, name) for name in seconds})

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
    onnx: str = Field("cpu", description="where the default networks of ONNX ran, as in a configuration")
    decode: str = Field("cpu", description="where video was decoded, as in a configuration")
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

    def counts(self, *, skip: Iterable[str] = ()) -> list[int]:
        """Numbers of videos at once that there are figures for; 1 is always among them."""
        gone = set(skip)
        found = (set(cost.at_once) for name, cost in self.stages.items() if name not in gone)
        return sorted({1}.union(*found))

    def with_at_once(self, videos: int) -> Costs:
        """Costs of a worker that analyses so many videos at once; a stage without figures costs the same."""
        if videos == 1:
            return self
        stages = {name: cost.scaled(cost.share(videos)) for name, cost in self.stages.items()}
        memory = self.worker_mb + VIDEO_MB * (videos - 1)
        return self.model_copy(update={"stages": stages, "worker_mb": memory})


def load_costs(path: Path | None, profile: str) -> Costs:
    """Measured costs of a profile.

    Args:
        path: a file that `write_costs` (or a person) wrote; None: the shipped figures.
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


def write_costs(costs: Costs, path: Path) -> None:
    """Write figures where `load_costs` reads them.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        text = yaml.safe_dump(
            {"costs": [costs.model_dump(exclude_defaults=True)]}, sort_keys=False, allow_unicode=True
        )
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error}") from error
