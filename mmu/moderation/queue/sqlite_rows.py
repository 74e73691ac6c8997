"""Tables of the embedded queue, and tasks and events as rows of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Sequence
from typing import Any

from mmu.errors import StoreError
from mmu.moderation.queue.task import Event, EventType, Resolution, Task, rfc3339, seconds_of

VERSION = 1
TABLES = """
CREATE TABLE task (
  number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, video TEXT NOT NULL, policy TEXT NOT NULL,
  version TEXT NOT NULL, lane TEXT NOT NULL,
  uri TEXT NOT NULL, report TEXT NOT NULL, title TEXT NOT NULL, decision TEXT NOT NULL,
  category TEXT NOT NULL, rules TEXT NOT NULL, severity INTEGER NOT NULL, confidence REAL NOT NULL,
  priority REAL NOT NULL, excluded TEXT NOT NULL, made REAL NOT NULL,
  rank REAL NOT NULL, queued REAL NOT NULL, ready REAL NOT NULL, state TEXT NOT NULL DEFAULT 'waiting',
  worker TEXT, token TEXT, until REAL, attempts INTEGER NOT NULL DEFAULT 0, reason TEXT NOT NULL DEFAULT '',
  done REAL, verdict TEXT, reviewer TEXT
);
CREATE INDEX task_rank ON task (state, rank DESC, id);
CREATE INDEX task_until ON task (until) WHERE state = 'leased';
CREATE TABLE event (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, type TEXT NOT NULL, task TEXT NOT NULL,
  resolution TEXT, attempts INTEGER NOT NULL, reason TEXT NOT NULL
);
CREATE TRIGGER event_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'the feed is append-only'); END;
CREATE TRIGGER event_fixed BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'the feed is append-only'); END;
"""
COLUMNS = (
    "id, video, policy, version, lane, uri, report, title, decision, category, rules, severity, "
    "confidence, priority, excluded, made"
)
ADD_EVENT = "INSERT INTO event (time, type, task, resolution, attempts, reason) VALUES (?, ?, ?, ?, ?, ?)"


def position(after: str) -> int:
    """The number of an event id of this queue.

    Raises:
        StoreError: not an id of this queue.
    """
    if after and not after.isdecimal():
        raise StoreError(f"{after!r} is not an event id of this queue")
    return int(after or 0)


def event(
    task: Task, number: str, kind: EventType, when: float, resolution: str | None, attempts: int, reason: str
) -> Event:
    """An event from its stored parts."""
    decided = Resolution.model_validate_json(resolution) if resolution else None
    return Event(
        id=number,
        type=kind,
        time=rfc3339(when),
        task=task,
        resolution=decided,
        attempts=attempts,
        reason=reason,
    )


def split(script: str) -> list[str]:
    """Statements of a script; a trigger's body stays in one."""
    statements, text = [], ""
    for line in script.strip().splitlines():
        text += line + "\n"
        if sqlite3.complete_statement(text):
            statements.append(text)
            text = ""
    return statements


def row_of(task: Task) -> tuple[object, ...]:
    """Values of `COLUMNS`."""
    return (
        task.id, task.video, task.policy, task.version, task.lane, task.uri, task.report, task.title,
        task.decision, task.category, json.dumps(task.rules, ensure_ascii=False), task.severity,
        task.confidence, task.priority, json.dumps(task.excluded, ensure_ascii=False), seconds_of(task.time),
    )  # fmt: skip


def task_from(row: Sequence[Any]) -> Task:
    """A task from the first values of a row, which are those of `COLUMNS`."""
    # the row was checked when it was put in
    return Task.model_construct(
        id=row[0], video=row[1], policy=row[2], version=row[3], lane=row[4], uri=row[5], report=row[6],
        title=row[7], decision=row[8], category=row[9], rules=json.loads(row[10]), severity=row[11],
        confidence=row[12], priority=row[13], excluded=json.loads(row[14]), time=rfc3339(row[15]),
    )  # fmt: skip
