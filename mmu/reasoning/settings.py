"""The numbers of the fusion, read from a file and validated."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmu.errors import ConfigError
from mmu.report.schema import ReportAxis

Probability = Annotated[float, Field(gt=0, lt=1)]


class _Settings(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SourceSettings(_Settings):
    """How far one opinion of a source is trusted: `reliability * score ** sharpness`."""

    axis: ReportAxis
    reliability: Probability
    sharpness: float = Field(1.0, gt=0)
    #: labels of one softmax: their probabilities add
    exclusive: bool = False


class Calibration(_Settings):
    """Platt scaling of the log-odds."""

    slope: float = Field(1.0, gt=0)
    offset: float = 0.0


class FusionSettings(_Settings):
    """Everything that `mmu.reasoning.fuse` does not hard-code."""

    version: str
    prior: Probability
    saturation: float = Field(ge=0, lt=1)
    minimum: Probability
    maximum_tags: int = Field(gt=0)
    exclusion: float = Field(ge=0)
    calibration: Calibration
    worth: dict[str, Probability] = Field(default_factory=dict)
    facet_worth: dict[str, Probability] = Field(default_factory=dict)
    sources: dict[str, SourceSettings]


@cache
def load_settings(path: Path | None = None) -> FusionSettings:
    """Read fusion settings (default: those shipped).

    Raises:
        ConfigError: the file is missing or a number in it makes no sense.
    """
    place = path or files("mmu.reasoning") / "data" / "fusion.yaml"
    try:
        return FusionSettings.model_validate(yaml.safe_load(place.read_text(encoding="utf-8")))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"fusion settings {place}: {error}") from error
