"""Jobs and their reports in one SQLite file: what waits survives a restart."""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kg.sqlite import transaction
from mmu.errors import StoreError

State = Literal["queued", "running", "done", "failed"]

#: a job whose worker died this often is given up
MAX_ATTEMPTS = 2
_TABLES = """
CREATE TABLE IF NOT EXISTS jobs (
  id TEXT PRIMARY KEY, owner TEXT NOT NULL, state TEXT NOT NULL,
  source TEXT NOT NULL, upload INTEGER NOT NULL, name TEXT NOT NULL,
  title TEXT NOT NULL, topics TEXT NOT NULL,
  created REAL NOT NULL, started REAL, finished REAL, attempts INTEGER NOT NULL DEFAULT 0,
  stage TEXT NOT NULL DEFAULT '', done INTEGER NOT NULL DEFAULT 0, total INTEGER NOT NULL DEFAULT 0,
  code TEXT NOT NULL DEFAULT '', message TEXT NOT NULL DEFAULT '',
  outcome TEXT NOT NULL DEFAULT '', report BLOB
);
CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, created);
CREATE TABLE IF NOT EXISTS batches (
  id TEXT NOT NULL, owner TEXT NOT NULL, created REAL NOT NULL, place INTEGER NOT NULL, job TEXT NOT NULL,
  PRIMARY KEY (id, place)
);
"""
_COLUMNS = (
    "id, owner, state, source, upload, name, title, topics, created, started, finished, attempts, "
    "stage, done, total, code, message, outcome"
)


class FullError(Exception):
    """More jobs wait than may."""


@dataclass(frozen=True, slots=True)
class Job:
    """One video that somebody asked about. `source` is a URL, or the path of an upload."""

    id: str
    owner: str
    state: State
    source: str
    upload: bool
    name: str
    title: str
    topics: tuple[str, ...]
    created: float
    started: float | None
    finished: float | None
    attempts: int
    stage: str
    done: int
    total: int
    code: str
    message: str
    outcome: str


@dataclass(frozen=True, slots=True)
class Asked:
    """What a caller asks: `content` identifies the bytes (SHA-256 of an upload, or the URL)."""

    source: str
    content: str
    name: str
    title: str = ""
    topics: tuple[str, ...] = ()
    upload: bool = False

    def id(self, owner: str) -> str:
        """The same question of the same caller has the same id."""
        parts = json.dumps([owner, self.upload, self.content, self.title, list(self.topics)])
        return hashlib.sha256(parts.encode()).hexdigest()[:32]


class Jobs:
    """The jobs of one service; safe to use from any thread."""

    def __init__(self, path: Path) -> None:
        """Open or make the file; jobs that were running when the service ended wait again.

        Raises:
            StoreError: the file cannot be opened.
        """
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.executescript(_TABLES)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot open the jobs in {path}: {error}") from error
        self._lock = threading.Lock()
        with self._transaction() as base:
            base.execute("UPDATE jobs SET state = 'queued', stage = '' WHERE state = 'running'")

    def close(self) -> None:
        """Close the file."""
        with self._lock:
            self._base.close()

    def put(self, owner: str, asked: Sequence[Asked], *, max_waiting: int, fresh: bool = False) -> list[Job]:
        """Take jobs in, all or none; a job that is known already is not done again.

        Args:
            owner: name of the caller's key.
            asked: the videos.
            max_waiting: jobs that may wait.
            fresh: do finished ones again.

        Raises:
            FullError: more would wait than may.
        """
        now = time.time()
        with self._transaction() as base:
            known = {job.id: job for one in asked if (job := self._find(base, owner, one.id(owner)))}
            redo = {
                name
                for name, job in known.items()
                if job.state == "failed" or (fresh and job.state == "done")
            }
            new = {one.id(owner): one for one in asked if one.id(owner) not in known or one.id(owner) in redo}
            (waiting,) = base.execute("SELECT count(*) FROM jobs WHERE state = 'queued'").fetchone()
            if new and waiting + len(new) > max_waiting:
                raise FullError
            for name, one in new.items():
                topics = json.dumps(list(one.topics), ensure_ascii=False)
                base.execute(
                    "INSERT OR REPLACE INTO jobs (id, owner, state, source, upload, name, title, topics, "
                    "created) VALUES (?, ?, 'queued', ?, ?, ?, ?, ?, ?)",
                    (name, owner, one.source, one.upload, one.name, one.title, topics, now),
                )
            return [job for one in asked if (job := self._find(base, owner, one.id(owner)))]

    def put_batch(self, owner: str, jobs: Sequence[Job]) -> str:
        """Give a list of jobs a name of its own; the same list has the same."""
        name = hashlib.sha256("".join([owner, *(job.id for job in jobs)]).encode()).hexdigest()[:32]
        with self._transaction() as base:
            base.executemany(
                "INSERT OR IGNORE INTO batches VALUES (?, ?, ?, ?, ?)",
                [(name, owner, time.time(), place, job.id) for place, job in enumerate(jobs)],
            )
        return name

    def batch(self, owner: str, name: str) -> list[Job]:
        """Jobs of a batch in order; empty for an unknown one. Jobs that have expired are left out."""
        with self._transaction() as base:
            rows = base.execute(
                "SELECT job FROM batches WHERE id = ? AND owner = ? ORDER BY place", (name, owner)
            ).fetchall()
            return [job for (one,) in rows if (job := self._find(base, owner, one))]

    def take(self) -> Job | None:
        """The oldest waiting job, now running; None when none waits."""
        with self._transaction() as base:
            row = base.execute(
                f"UPDATE jobs SET state = 'running', started = ?, attempts = attempts + 1 WHERE id = "
                f"(SELECT id FROM jobs WHERE state = 'queued' ORDER BY created, rowid LIMIT 1) "
                f"RETURNING {_COLUMNS}",
                (time.time(),),
            ).fetchone()
        return _job(row) if row else None

    def progress(self, name: str, stage: str, done: int, total: int) -> None:
        """Note how far a running job is."""
        with self._transaction() as base:
            base.execute(
                "UPDATE jobs SET stage = ?, done = ?, total = ? WHERE id = ? AND state = 'running'",
                (stage, done, total, name),
            )

    def finish(self, name: str, report: str, outcome: str) -> None:
        """Keep the report of a job."""
        with self._transaction() as base:
            base.execute(
                "UPDATE jobs SET state = 'done', finished = ?, outcome = ?, report = ? WHERE id = ?",
                (time.time(), outcome, zlib.compress(report.encode()), name),
            )

    def fail(self, name: str, code: str, message: str, *, again: bool) -> State:
        """A job without a report waits once more (`again`) or is given up; returns its new state."""
        with self._transaction() as base:
            (state,) = base.execute(
                "UPDATE jobs SET state = CASE WHEN ? AND attempts < ? THEN 'queued' ELSE 'failed' END, "
                "finished = ?, code = ?, message = ?, stage = '' WHERE id = ? RETURNING state",
                (again, MAX_ATTEMPTS, time.time(), code, message, name),
            ).fetchone()
        return "queued" if state == "queued" else "failed"

    def find(self, owner: str, name: str) -> Job | None:
        """A job of this caller."""
        with self._transaction() as base:
            return self._find(base, owner, name)

    def report(self, name: str) -> str | None:
        """The JSON report of a job, None before it is done."""
        with self._transaction() as base:
            row = base.execute("SELECT report FROM jobs WHERE id = ?", (name,)).fetchone()
        return zlib.decompress(row[0]).decode() if row and row[0] else None

    def remove(self, owner: str, name: str) -> bool:
        """Forget a job that is not running; False when there is none such."""
        with self._transaction() as base:
            gone = base.execute(
                "DELETE FROM jobs WHERE id = ? AND owner = ? AND state != 'running'", (name, owner)
            ).rowcount
        return gone > 0

    def expire(self, before: float) -> list[str]:
        """Forget jobs that ended before this time; returns the paths of uploads that nothing needs now."""
        with self._transaction() as base:
            rows = base.execute(
                "DELETE FROM jobs WHERE state IN ('done', 'failed') AND finished < ? "
                "RETURNING source, upload",
                (before,),
            ).fetchall()
            base.execute("DELETE FROM batches WHERE created < ?", (before,))
        return [source for source, upload in rows if upload]

    def uploads(self) -> set[str]:
        """Paths of uploads that some job still needs."""
        with self._transaction() as base:
            rows = base.execute("SELECT source FROM jobs WHERE upload AND state IN ('queued', 'running')")
            return {source for (source,) in rows.fetchall()}

    def counts(self) -> dict[str, int]:
        """Jobs by state."""
        with self._transaction() as base:
            return dict(base.execute("SELECT state, count(*) FROM jobs GROUP BY state").fetchall())

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                with transaction(self._base):
                    yield self._base
            except sqlite3.Error as error:
                raise StoreError(f"the store of jobs failed: {error}") from error

    @staticmethod
    def _find(base: sqlite3.Connection, owner: str, name: str) -> Job | None:
        row = base.execute(
            f"SELECT {_COLUMNS} FROM jobs WHERE id = ? AND owner = ?", (name, owner)
        ).fetchone()
        return _job(row) if row else None


def _job(row: Sequence[object]) -> Job:
    values = dict(zip(_COLUMNS.split(", "), row, strict=True))
    values["upload"] = bool(values["upload"])
    values["topics"] = tuple(json.loads(str(values["topics"])))
    return Job(**values)  # type: ignore[arg-type]
