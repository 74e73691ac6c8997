"""Reviewers' verdicts, read from JSON Lines.

One object a line:

    {"video": "<SHA-256>", "report": "clip.json", "kind": "tag", "subject": "cat",
     "verdict": "right", "reviewer": "ann", "time": "2026-11-25T10:00:00Z"}

`kind` is `tag` (subject: concept id), `rule` (subject: id of a moderation rule)
or `decision`. `verdict` is `right` (it is so), `wrong` (it is not) or `missing`
(it is so, and the report lacks it). One of `video` and `report` is needed; other
fields are ignored.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmu.errors import ConfigError

Kind = Literal["tag", "rule", "decision"]
Verdict = Literal["right", "wrong", "missing"]


class Review(BaseModel):
    """One verdict of one reviewer on one thing that a report says, or should say."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    video: str = ""
    report: str = ""
    kind: Kind
    subject: str = Field(min_length=1)
    verdict: Verdict
    reviewer: str = "unknown"
    time: str = ""

    @model_validator(mode="after")
    def _names_a_video(self) -> Review:
        if not self.video and not self.report:
            raise ValueError("neither `video` nor `report` is given")
        return self

    @property
    def true(self) -> bool:
        """Whether the subject is true of the video."""
        return self.verdict != "wrong"


def read_reviews(path: Path) -> list[Review]:
    """All verdicts of a file; of one reviewer on the same thing, only the last counts.

    Raises:
        ConfigError: the file cannot be read, or a line is no verdict; the message names the line.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read the reviews {path}: {error}") from error
    reviews = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            reviews.append(Review.model_validate(json.loads(line)))
        except json.JSONDecodeError as error:
            raise ConfigError(f"{path} line {number}: not JSON ({error.msg})") from error
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(str(part) for part in first["loc"]) or "review"
            raise ConfigError(f"{path} line {number}: {field}: {first['msg']}") from error
    return _latest(reviews)


def _latest(reviews: Iterable[Review]) -> list[Review]:
    last: dict[tuple[str, str, str, str], Review] = {}
    for review in reviews:
        key = (review.reviewer, review.video or review.report, review.kind, review.subject)
        if key not in last or review.time >= last[key].time:
            last[key] = review
    return list(last.values())
