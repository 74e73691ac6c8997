"""`learned.yaml`: what was learned, as a layer over the shipped numbers.

Only what differs from the shipped file is kept, so that an update of the
project brings its new sources and concepts along.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmu.errors import ConfigError, StoreError
from mmu.reasoning.settings import Calibration, FusionSettings
from models.store import default_root

logger = logging.getLogger(__name__)

FILE = "learned.yaml"
Probability = Annotated[float, Field(gt=0, lt=1)]


class Learned(BaseModel):
    """Numbers that replace shipped ones, and where they come from."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    schema_: Literal["mmu.learned/1"] = Field("mmu.learned/1", alias="schema")
    #: version of the shipped numbers that these were held to
    base: str
    reliability: dict[str, Probability] = Field(default_factory=dict)
    prior: Probability | None = None
    calibration: Calibration | None = None
    worth: dict[str, Probability] = Field(default_factory=dict)
    #: moderation rule -> factor on the score of its hits
    rules: dict[str, Annotated[float, Field(gt=0, le=2)]] = Field(default_factory=dict)
    #: how it was learned; for people
    notes: dict[str, str | int | float] = Field(default_factory=dict)

    def apply(self, settings: FusionSettings) -> FusionSettings:
        """The shipped settings with the learned numbers in them."""
        if self.base != settings.version:
            logger.warning(
                "learned numbers were held to version %s of the shipped ones, not %s; run `mmu learn` again",
                self.base,
                settings.version,
            )
        gone = sorted(self.reliability.keys() - settings.sources.keys())
        if gone:
            logger.warning("learned numbers of unknown sources are not used: %s", ", ".join(gone))
        sources = {
            name: source.model_copy(update={"reliability": self.reliability.get(name, source.reliability)})
            for name, source in settings.sources.items()
        }
        return settings.model_copy(
            update={
                "sources": sources,
                "prior": self.prior or settings.prior,
                "calibration": self.calibration or settings.calibration,
                "worth": settings.worth | self.worth,
            }
        )

    def write(self, path: Path) -> None:
        """Write the file, whole or not at all.

        Raises:
            StoreError: it cannot be written.
        """
        text = "# Learned from reviewers' verdicts by `mmu learn`; remove this file to forget.\n"
        text += yaml.safe_dump(
            self.model_dump(by_alias=True, exclude_none=True), sort_keys=False, allow_unicode=True
        )
        part = path.with_name(path.name + ".part")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            part.write_text(text, encoding="utf-8")
            part.replace(path)
        except OSError as error:
            raise StoreError(f"cannot write {path}: {error.strerror}") from error


def difference(base: FusionSettings, fitted: FusionSettings) -> Learned:
    """What the fitted settings say differently."""
    return Learned(
        base=base.version,
        reliability={
            name: source.reliability
            for name, source in fitted.sources.items()
            if source.reliability != base.sources[name].reliability
        },
        prior=None if fitted.prior == base.prior else fitted.prior,
        calibration=None if fitted.calibration == base.calibration else fitted.calibration,
        worth={name: worth for name, worth in fitted.worth.items() if worth != base.worth.get(name)},
    )


def default_place() -> Path:
    """Where `mmu learn` writes, and every analysis looks: `$MMU_HOME/learned.yaml`."""
    return default_root() / FILE


def load_learned(path: Path | None = None) -> Learned | None:
    """Read what was learned; without a path from the default place, where there may be nothing.

    Raises:
        ConfigError: the file that was named is missing, or a number in it makes no sense.
    """
    place = path or default_place()
    if path is None and not place.is_file():
        return None
    try:
        return Learned.model_validate(yaml.safe_load(place.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError, ValidationError) as error:
        raise ConfigError(f"learned numbers {place}: {error}") from error
