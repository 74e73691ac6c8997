"""A stored report described anew by a language model, held against its evidence."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import kg
from mmu.errors import ConfigError
from mmu.outcome import ErrorItem, Outcome, StageOutcome
from mmu.reasoning.checked import check
from mmu.reasoning.llm import LanguageModel, ModelAnswerError
from mmu.report.schema import Report

#: name of the step among the report's stages
STAGE = "language_model"
#: frames that may be sent, and their longest side in pixels
MOST_FRAMES, SIDE = 16, 768


def describe(
    report: Report, model: LanguageModel, *, frames: Sequence[bytes] = (), graph: kg.Graph | None = None
) -> Report:
    """The report with a checked caption of the model; where the model fails, the grounded one stays.

    A failure becomes a failed stage `language_model` and an error of the report.

    Args:
        report: with or without a caption.
        model: where to ask.
        frames: JPEG pictures for a model that sees.
        graph: names and broader concepts (default: the shipped one).
    """
    started = time.perf_counter()
    errors: list[ErrorItem] = []
    caption = report.caption
    try:
        draft = model.draft(report, frames=frames)
        caption = check(draft, report, graph or kg.load(), source=f"llm:{model.model}")
    except ModelAnswerError as error:
        errors = [ErrorItem(where=STAGE, code="language_model", message=str(error))]
    stage = StageOutcome(
        name=STAGE,
        outcome=Outcome.FAILED if errors else Outcome.OK,
        seconds=round(time.perf_counter() - started, 3),
        errors=errors,
    )
    others = [one for one in report.errors if one.where != STAGE]
    outcome = report.outcome
    if outcome in (Outcome.OK, Outcome.PARTIAL) and not others:
        outcome = Outcome.PARTIAL if errors else Outcome.OK
    return report.model_copy(
        update={
            "caption": caption,
            "outcome": outcome,
            "errors": [*others, *errors],
            "stages": [*(one for one in report.stages if one.name != STAGE), stage],
        }
    )


class TimedFrame(NamedTuple):
    """A picture as JPEG, and its time in seconds."""

    time: float
    jpeg: bytes


def take_frames(source: str | Path, count: int) -> list[bytes]:
    """So many frames of a video as JPEG, evenly spread; see `take_timed_frames`."""
    return [frame.jpeg for frame in take_timed_frames(source, count)]


def take_timed_frames(source: str | Path, count: int) -> list[TimedFrame]:
    """So many frames of a video, evenly spread.

    Raises:
        ConfigError: a number out of range.
        MediaError: the video cannot be decoded.
    """
    if not 1 <= count <= MOST_FRAMES:
        raise ConfigError(f"1 to {MOST_FRAMES} frames can be sent, not {count}")
    import cv2

    from mmu.media.open import open_clip

    found: list[TimedFrame] = []
    with open_clip(str(source)) as clip:
        total = len(clip.times)
        wanted = sorted({int((place + 0.5) * total / count) for place in range(min(count, total))})
        for frame in clip.frames(wanted):
            height, width = frame.image.shape[:2]
            factor = min(1.0, SIDE / max(height, width))
            size = max(1, round(width * factor)), max(1, round(height * factor))
            small = cv2.resize(frame.image, size, interpolation=cv2.INTER_AREA)
            done, data = cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 80])
            if done:
                found.append(TimedFrame(frame.time, bytes(data)))
    return found
