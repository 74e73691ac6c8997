"""The review page's own tables, beside those of the queue in the same file."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from pathlib import Path

from mmu.errors import StoreError
from mmu.moderation.queue import QueueOptions
from mmu.moderation.queue.sqlite import SqliteQueue
from mmu.moderation.queue.sqlite_rows import split

_TABLES = """
CREATE TABLE IF NOT EXISTS user (
  name TEXT PRIMARY KEY, role TEXT NOT NULL, password TEXT NOT NULL, language TEXT NOT NULL DEFAULT '',
  active INTEGER NOT NULL DEFAULT 1, made REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS session (
  id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES user (name), csrf TEXT NOT NULL, made REAL NOT NULL,
  seen REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS session_user ON session (user);
CREATE TABLE IF NOT EXISTS verdict (
  id INTEGER PRIMARY KEY AUTOINCREMENT, batch TEXT NOT NULL, time REAL NOT NULL, task TEXT NOT NULL,
  video TEXT NOT NULL, report TEXT NOT NULL, policy TEXT NOT NULL, version TEXT NOT NULL, lane TEXT NOT NULL,
  reviewer TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, verdict TEXT NOT NULL,
  decision TEXT NOT NULL DEFAULT '', category TEXT NOT NULL DEFAULT '', note TEXT NOT NULL DEFAULT '',
  seconds REAL
);
CREATE INDEX IF NOT EXISTS verdict_task ON verdict (task, kind);
CREATE INDEX IF NOT EXISTS verdict_batch ON verdict (batch, kind);
CREATE INDEX IF NOT EXISTS verdict_time ON verdict (kind, time);
CREATE INDEX IF NOT EXISTS verdict_video ON verdict (video, policy, kind);
CREATE TRIGGER IF NOT EXISTS verdict_kept BEFORE DELETE ON verdict
  BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END;
CREATE TRIGGER IF NOT EXISTS verdict_fixed BEFORE UPDATE ON verdict
  BEGIN SELECT RAISE(ABORT, 'verdicts are append-only'); END;
CREATE VIEW IF NOT EXISTS standing AS SELECT * FROM verdict v WHERE kind != 'undo' AND NOT EXISTS (
  SELECT 1 FROM verdict u WHERE u.batch = v.batch AND u.kind = 'undo');
CREATE TABLE IF NOT EXISTS audit (
  id INTEGER PRIMARY KEY AUTOINCREMENT, time REAL NOT NULL, user TEXT NOT NULL, action TEXT NOT NULL,
  subject TEXT NOT NULL, detail TEXT NOT NULL, address TEXT NOT NULL, hash TEXT NOT NULL
);
CREATE TRIGGER IF NOT EXISTS audit_kept BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_fixed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE INDEX IF NOT EXISTS task_lane ON task (state, lane, category);
CREATE INDEX IF NOT EXISTS task_queued ON task (state, queued, id);
CREATE INDEX IF NOT EXISTS task_video ON task (video, policy, version);
CREATE INDEX IF NOT EXISTS task_done ON task (done) WHERE state = 'done';
CREATE INDEX IF NOT EXISTS task_title ON task (state, title);
CREATE INDEX IF NOT EXISTS task_unsure ON task (state, abs(confidence - 0.5), id);
CREATE INDEX IF NOT EXISTS task_worker ON task (worker) WHERE state = 'leased';
"""


class Database(SqliteQueue):
    """The queue's file with accounts, verdicts and the audit log.

    Raises:
        StoreError: the file cannot be opened or is something else.
    """

    def __init__(self, path: Path, options: QueueOptions | None = None) -> None:
        super().__init__(path, options)
        with self.errors(), self.writing() as db:
            for statement in split(_TABLES):
                db.execute(statement)

    def audit(
        self,
        db: sqlite3.Connection,
        user: str,
        action: str,
        subject: str = "",
        detail: str = "",
        address: str = "",
    ) -> None:
        """Add one row, inside the caller's transaction. Each row's hash covers the row before it."""
        last = db.execute("SELECT hash FROM audit ORDER BY id DESC LIMIT 1").fetchone()
        row = (time.time(), user, action, subject, detail, address)
        db.execute(
            "INSERT INTO audit (time, user, action, subject, detail, address, hash) VALUES (?, ?, ?, "
            "?, ?, ?, ?)",
            (*row, chained(last[0] if last else "", row)),
        )

    def check_audit(self) -> int:
        """How many rows the audit log has, all of them in their place and as they were written.

        Raises:
            StoreError: a row was changed or taken away.
        """
        before, count = "", 0
        with self.errors():
            for number, *row, found in self.db.execute(
                "SELECT id, time, user, action, subject, detail, address, hash FROM audit ORDER BY id"
            ):
                count += 1
                if number != count or found != chained(before, tuple(row)):
                    raise StoreError(f"{self.path}: the audit log was changed at row {count}")
                before = found
        return count


def chained(before: str, row: tuple[object, ...]) -> str:
    """The hash of an audit row."""
    text = json.dumps([before, *row], ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
