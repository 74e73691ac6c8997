"""How a stage or a video ended. Never `ok` while there are errors."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict, Field, model_validator


class Outcome(StrEnum):
    """The four ways in which a stage or a video ends."""

    OK = "ok"
    PARTIAL = "partial"
    SKIPPED = "skipped"
    FAILED = "failed"


class ErrorItem(BaseModel):
    """One thing that went wrong: where, a stable code, and a sentence for a person."""

    model_config = ConfigDict(extra="forbid")

    where: str = Field(description="`media` or the name of a stage")
    code: str = Field(description="stable machine-readable reason, e.g. `empty_file`, `timeout`")
    message: str = Field(description="what went wrong, for a person")


class StageOutcome(BaseModel):
    """What one stage did."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="name of the stage")
    outcome: Outcome = Field(description="how it ended: ok, partial, skipped or failed")
    seconds: float = Field(0.0, ge=0, description="wall time, seconds")
    signals: int = Field(0, ge=0, description="signals emitted")
    errors: list[ErrorItem] = Field(
        default_factory=list, description="what went wrong; empty when the outcome is `ok`"
    )
    notes: list[str] = Field(default_factory=list, description="what happened that is no error")

    @model_validator(mode="after")
    def _errors_agree(self) -> StageOutcome:
        if self.errors and self.outcome is Outcome.OK:
            raise ValueError(f"stage {self.name} claims ok while it has errors")
        return self
