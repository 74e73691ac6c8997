"""Verdicts: what reviewers said, never changed, only added to; and their export for learning."""

from __future__ import annotations

import json
import secrets
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

from mmu.moderation.queue.task import Task, rfc3339
from mmu.review.tables import Database

Decision = Literal["pass", "block", "escalate"]


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one reviewer says of one task."""

    decision: Decision
    category: str = ""
    note: str = ""
    #: rule id -> whether it was right to hit
    rules: Mapping[str, bool] = field(default_factory=dict)
    #: concept id -> whether the video has it
    tags: Mapping[str, bool] = field(default_factory=dict)
    #: concepts that the report lacks
    missing: tuple[str, ...] = ()
    #: seconds that it took
    seconds: float | None = None


def write(db: sqlite3.Connection, task: Task, reviewer: str, opinion: Opinion) -> str:
    """Add an opinion inside the caller's transaction; returns the id of its batch of rows."""
    batch = secrets.token_hex(8)
    suspected = task.decision != "pass"
    rows: list[tuple[str, str, str]] = []
    if opinion.decision != "escalate":
        agreed = (opinion.decision == "block") == suspected
        rows.append(
            (
                "decision",
                task.category or "violation",
                "right" if agreed else "wrong" if suspected else "missing",
            )
        )
    else:
        rows.append(("escalation", task.category or "violation", "unsure"))
    rows += [("rule", rule, "right" if right else "wrong") for rule, right in opinion.rules.items()]
    rows += [("tag", tag, "right" if right else "wrong") for tag, right in opinion.tags.items()]
    rows += [("tag", tag, "missing") for tag in opinion.missing]
    now = time.time()
    for number, (kind, subject, verdict) in enumerate(rows):
        first = number == 0
        db.execute(
            "INSERT INTO verdict (batch, time, task, video, report, policy, version, lane, reviewer, "
            "kind, subject, "
            "verdict, decision, category, note, seconds) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
            "?, ?, ?, ?)",
            (
                batch, now, task.id, task.video, task.report, task.policy, task.version, task.lane, reviewer,
                kind, subject, verdict, opinion.decision if first else "", opinion.category if first else "",
                opinion.note if first else "", opinion.seconds if first else None,
            ),
        )  # fmt: skip
    return batch


def take_back(db: sqlite3.Connection, batch: str, reviewer: str) -> None:
    """Add a row that says that a batch does not stand any more."""
    db.execute(
        "INSERT INTO verdict (batch, time, task, video, report, policy, version, lane, reviewer, "
        "kind, subject, verdict) "
        "SELECT batch, ?, task, video, report, policy, version, lane, ?, 'undo', '', '' FROM verdict "
        "WHERE batch = ? LIMIT 1",
        (time.time(), reviewer, batch),
    )


def export(database: Database, *, kinds: tuple[str, ...] = ("tag", "rule", "decision")) -> Iterator[str]:
    """Standing verdicts as JSON lines, oldest first: what `mmu learn` reads."""
    marks = ", ".join("?" * len(kinds))
    with database.errors():
        for row in database.db.execute(
            "SELECT video, report, kind, subject, verdict, reviewer, time, decision, category, lane, "
            "policy, version "
            f"FROM standing WHERE kind IN ({marks}) ORDER BY id",
            kinds,
        ):
            (
                video,
                report,
                kind,
                subject,
                verdict,
                reviewer,
                when,
                decision,
                category,
                lane,
                policy,
                version,
            ) = row
            data = {
                "video": video, "report": report, "kind": kind, "subject": subject, "verdict": verdict,
                "reviewer": reviewer, "time": rfc3339(when), "lane": lane, "policy": policy,
                "version": version,
            }  # fmt: skip
            if kind == "decision":
                data |= {"decision": decision, "category": category}
            yield json.dumps(data, ensure_ascii=False)
