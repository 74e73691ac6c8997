"""From a report to a task: what people should look at, and how soon."""

from __future__ import annotations

from typing import Literal

from mmu.moderation.priority import spread
from mmu.moderation.queue.task import Task
from mmu.report.schema import Moderation, Report


def task_of(
    report: Report,
    *,
    place: str = "",
    decisions: frozenset[str] = frozenset({"review", "block"}),
    sample_passed: float = 0.0,
    reach: float = 0.0,
) -> Task | None:
    """The task that a report asks for, or None when nobody needs to look.

    Args:
        report: with a moderation decision; one without asks for nothing.
        place: where the report is kept, for the review page.
        decisions: which decisions people look at.
        sample_passed: share (0 to 1) of the passed videos that people check for quality. The
            choice is made by the video's hash, so it is the same every time.
        reach: views expected until somebody looks (0: unknown).

    Raises:
        ConfigError: `reach` is not a number of views.
    """
    found = report.moderation
    if found is None or not report.id:
        return None
    lane: Literal["review", "quality"] = "review"
    if found.decision not in decisions:
        if found.decision != "pass" or not chosen(report.id, sample_passed):
            return None
        lane = "quality"
    hits = [hit for hit in found.hits if hit.category == found.category] or found.hits
    return Task(
        video=report.id,
        policy=found.policy,
        version=found.version,
        lane=lane,
        uri=report.uri[:4096],
        report=place,
        title=(report.title or report.uri.rpartition("/")[2])[:2000],
        decision=found.decision,
        category=found.category or "",
        rules=sorted({hit.rule for hit in found.hits})[:100],
        severity=max((hit.severity for hit in hits), default=0),
        confidence=confidence(found),
        priority=round(found.priority * spread(reach), 4),
    )


def confidence(found: Moderation) -> float:
    """How sure the machine is that the video breaks the policy: its surest hit of the category."""
    scores = [hit.score for hit in found.hits if found.category in (None, hit.category)]
    return max(scores, default=0.0)


def chosen(video: str, share: float) -> bool:
    """Whether a video is in a sample of this share; `video` is a SHA-256 in hex."""
    try:
        return int(video[:13], 16) < share * 16**13
    except ValueError:
        return False
