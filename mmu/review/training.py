"""Verdicts as labelled rows: what reviewers decided beside the words that they decided on.

The rows are those of `mmu policy train`. A video gives one row: of several decisions on it
the one with the most say counts (a lead's on an escalated task, then a second opinion, then
the first), of these the latest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmu.errors import ConfigError
from mmu.moderation.hits import text_units
from mmu.moderation.policy import Policy
from mmu.moderation.queue.task import rfc3339
from mmu.moderation.texts import gather
from mmu.report.cli import load_report
from mmu.report.schema import Report
from mmu.review.tables import Database
from mmu.signals import Signal

#: lanes by how much their decisions say
_SAY = "CASE lane WHEN 'escalated' THEN 2 WHEN 'second' THEN 1 ELSE 0 END"
#: what `verdicts.write` puts where a task names no category
_UNNAMED = "violation"


@dataclass(slots=True)
class LeftOut:
    """Decided videos that gave no row: how many by reason, and what was wrong with which report."""

    reasons: Counter[str] = field(default_factory=Counter)
    reports: list[str] = field(default_factory=list)

    def lines(self) -> list[str]:
        """What to tell the user."""
        return [*self.reports, *(f"{count} left out: {why}" for why, count in self.reasons.most_common())]


def training_rows(
    database: Database, policy: Policy, left: LeftOut, *, safe_label: str = "pass"
) -> Iterator[dict[str, Any]]:
    """Labelled rows of the decisions that stand, oldest first.

    Args:
        database: with the verdicts.
        policy: gives a category its label.
        left: takes in what gives no row.
        safe_label: the label of videos that were passed.
    """
    for video, place, decision, category, reviewer, when in _decisions(database):
        label = safe_label
        if decision == "block":
            label = _label(policy, category)
            if not label:
                left.reasons[f"blocked under no category of the policy ({category})"] += 1
                continue
        try:
            report = _report(place, video)
        except ConfigError as error:
            left.reports.append(str(error))
            continue
        signals = [Signal.from_json(one) for one in report.signals]
        words = gather(text_units(signals, report.title, report.user_topics))
        if not words:
            left.reasons["it says nothing, in writing or speech"] += 1
            continue
        yield {
            "title": words.title, "OCR": words.screen, "ASR": words.speech, "tag": label,
            "video": video, "reviewer": reviewer, "time": rfc3339(when),
        }  # fmt: skip


def _decisions(database: Database) -> list[tuple[str, str, str, str, str, float]]:
    with database.errors():
        return database.db.execute(
            "SELECT video, report, decision, iif(category = '', subject, category), reviewer, time FROM ("
            f"SELECT *, row_number() OVER (PARTITION BY video ORDER BY {_SAY} DESC, id DESC) AS place "
            "FROM standing WHERE kind = 'decision' AND decision IN ('pass', 'block')"
            ") WHERE place = 1 ORDER BY id"
        ).fetchall()


def _report(place: str, video: str) -> Report:
    if not place:
        raise ConfigError(f"video {video}: its task names no report")
    report = load_report(Path(place))
    if report.id != video:
        raise ConfigError(f"{place}: the report of another video than {video}")
    return report


def _label(policy: Policy, category: str) -> str:
    if category in ("", _UNNAMED):
        return ""
    known = policy.category_of_label(category)
    labels = policy.categories[known].labels if known else ()
    return labels[0] if labels else known or ""
