"""The embedded queue: one SQLite file in WAL mode, shared by threads and processes.

Order is by `priority.rank`: a task's weight doubles with every few hours that it waits, and the
order of two tasks never changes, so one index holds it.
"""

from __future__ import annotations

import json
import secrets
import sqlite3
import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from kg.sqlite import transaction
from mmu.errors import StoreError
from mmu.moderation.priority import rank
from mmu.moderation.queue.base import QueueOptions, ReviewQueue
from mmu.moderation.queue.sqlite_rows import (
    ADD_EVENT,
    COLUMNS,
    TABLES,
    VERSION,
    event,
    position,
    row_of,
    split,
    task_from,
)
from mmu.moderation.queue.task import Dead, Event, Lease, Resolution, Stats, Task


class SqliteQueue(ReviewQueue):
    """A queue in one file.

    Raises:
        StoreError: the file cannot be opened, is not a queue, or was written by another version.
    """

    def __init__(self, path: Path, options: QueueOptions | None = None) -> None:
        self.path = path
        self.options = options or QueueOptions()
        self._local = threading.local()
        self._open: list[sqlite3.Connection] = []
        with self.errors(), self.writing() as db:
            found = db.execute("PRAGMA user_version").fetchone()[0]
            if not found and not db.execute("SELECT 1 FROM sqlite_master").fetchone():
                for statement in split(TABLES):
                    db.execute(statement)
                db.execute(f"PRAGMA user_version = {VERSION}")
            elif found != VERSION:
                raise StoreError(
                    f"{path}: not a review queue of this version (found {found}, know {VERSION})"
                )

    def put(self, tasks: Iterable[Task]) -> int:
        new = 0
        marks = ", ".join("?" * 19)
        statement = f"INSERT OR IGNORE INTO task ({COLUMNS}, rank, queued, ready) VALUES ({marks})"
        with self.errors(), self.writing() as db:
            now = time.time()
            for task in tasks:
                row = (*row_of(task), rank(task.priority, now), now, now)
                if db.execute(statement, row).rowcount:
                    db.execute(ADD_EVENT, (now, "queued", task.id, None, 0, ""))
                    new += 1
        return new

    def lease(self, worker: str, *, limit: int = 1) -> list[Lease]:
        return self.lease_where(worker, limit=limit)

    def lease_where(
        self,
        worker: str,
        *,
        limit: int = 1,
        where: str = "1",
        values: Sequence[object] = (),
        order: str = "rank DESC, id",
    ) -> list[Lease]:
        """Leases of tasks that meet a condition; `where` and `order` are SQL of the caller's own."""
        with self.errors(), self.writing() as db:
            now = time.time()
            self._expire(db, now)
            token, until = secrets.token_hex(16), now + self.options.lease
            # one statement, for speed; the order of its rows is not promised, so they are sorted after it
            rows = db.execute(
                "UPDATE task SET state = 'leased', worker = ?, token = ?, until = ?, attempts = attempts + 1 "
                "WHERE number IN (SELECT number FROM task WHERE state = 'waiting' AND ready <= ? "
                f"AND instr(excluded, ?) = 0 AND ({where}) ORDER BY {order} LIMIT ?) RETURNING "
                f"{COLUMNS}, attempts, rank",
                (worker, token, until, now, json.dumps(worker, ensure_ascii=False), *values, limit),
            ).fetchall()
        rows.sort(key=lambda row: (-row[-1], row[0]))
        return [Lease(task_from(row), token, worker, until, row[-2]) for row in rows]

    def extend(self, lease: Lease) -> Lease | None:
        with self.errors(), self.writing() as db:
            until = time.time() + self.options.lease
            held = db.execute(
                "UPDATE task SET until = ? WHERE id = ? AND token = ? AND state = 'leased'",
                (until, lease.task.id, lease.token),
            ).rowcount
        return Lease(lease.task, lease.token, lease.worker, until, lease.attempt) if held else None

    def ack_all(self, done: Sequence[tuple[Lease, Resolution]]) -> list[bool]:
        with self.errors(), self.writing() as db:
            return [self.resolve(db, lease.task.id, lease.token, resolution) for lease, resolution in done]

    def resolve(self, db: sqlite3.Connection, task: str, token: str, resolution: Resolution) -> bool:
        """Resolve inside the caller's transaction; False when the lease was lost."""
        now = time.time()
        row = db.execute(
            "UPDATE task SET state = 'done', done = ?, verdict = ?, reviewer = ?, until = NULL "
            "WHERE id = ? AND token = ? AND state = 'leased' AND until >= ? RETURNING attempts",
            (now, resolution.verdict, resolution.reviewer, task, token, now),
        ).fetchone()
        if row is None:
            return False
        db.execute(ADD_EVENT, (now, "decided", task, resolution.model_dump_json(), row[0], ""))
        return True

    def reopen(self, db: sqlite3.Connection, task: str, worker: str, reason: str) -> bool:
        """A resolved task is the worker's again, inside the caller's transaction (undo)."""
        now = time.time()
        row = db.execute(
            "UPDATE task SET state = 'leased', worker = ?, token = ?, until = ?, done = NULL, "
            "verdict = NULL, reviewer = NULL WHERE id = ? AND state = 'done' RETURNING attempts",
            (worker, secrets.token_hex(16), now + self.options.lease, task),
        ).fetchone()
        if row is None:
            return False
        db.execute(ADD_EVENT, (now, "reopened", task, None, row[0], reason))
        return True

    def release(self, lease: Lease, *, failed: bool = True, reason: str = "", delay: float = 0.0) -> bool:
        with self.errors(), self.writing() as db:
            now = time.time()
            row = db.execute(
                "SELECT attempts FROM task WHERE id = ? AND token = ? AND state = 'leased' AND until >= ?",
                (lease.task.id, lease.token, now),
            ).fetchone()
            if row is None:
                return False
            if failed and row[0] >= self.options.max_attempts:
                self._bury(db, lease.task.id, row[0], reason or "failed", now)
            else:
                db.execute(
                    "UPDATE task SET state = 'waiting', worker = NULL, token = NULL, until = NULL, "
                    "ready = ?, reason = ?, attempts = attempts - ? WHERE id = ?",
                    (now + delay, reason, 0 if failed else 1, lease.task.id),
                )
        return True

    def stats(self) -> Stats:
        with self.errors(), self.writing() as db:
            now = time.time()
            self._expire(db, now)
            count = dict(db.execute("SELECT state, count(*) FROM task GROUP BY state"))
            oldest = db.execute("SELECT min(queued) FROM task WHERE state = 'waiting'").fetchone()[0]
        return Stats(
            count.get("waiting", 0),
            count.get("leased", 0),
            count.get("done", 0),
            count.get("dead", 0),
            oldest=None if oldest is None else max(0.0, now - oldest),
        )

    def dead(self) -> list[Dead]:
        with self.errors():
            rows = self.db.execute(
                f"SELECT {COLUMNS}, attempts, reason FROM task WHERE state = 'dead' ORDER BY queued"
            )
            return [Dead(task_from(row), row[-2], row[-1]) for row in rows]

    def revive(self, task: str) -> bool:
        with self.errors(), self.writing() as db:
            now = time.time()
            found = db.execute(
                "UPDATE task SET state = 'waiting', attempts = 0, ready = ?, reason = '' "
                "WHERE id = ? AND state = 'dead'",
                (now, task),
            ).rowcount
            if found:
                db.execute(ADD_EVENT, (now, "revived", task, None, 0, ""))
        return bool(found)

    def events(self, after: str = "") -> Iterator[Event]:
        last = position(after)
        names = ", ".join(f"task.{name.strip()}" for name in COLUMNS.split(","))
        query = (
            f"SELECT {names}, event.id, event.type, event.time, event.resolution, event.attempts, "
            "event.reason FROM event JOIN task ON task.id = event.task WHERE event.id > ? "
            "ORDER BY event.id LIMIT 500"
        )
        while True:
            with self.errors():
                rows = self.db.execute(query, (last,)).fetchall()
            for row in rows:
                number, kind, when, resolution, attempts, reason = row[16:]
                yield event(task_from(row), str(number), kind, when, resolution, attempts, reason)
                last = number
            if not rows:
                return

    def forget(self, which: str) -> int:
        """Erase what the tasks of a video say of it; returns how many there were.

        Tasks that wait or are leased are given up. Ids, decisions and the SHA-256 stay: feed and verdicts are
        append-only and refer to them.

        Args:
            which: SHA-256 of the video, or its URI.
        """
        with self.errors():
            self.db.execute("PRAGMA secure_delete = ON")
            with self.writing() as db:
                now = time.time()
                found = db.execute(
                    "SELECT id, state, attempts FROM task WHERE video = ? OR uri = ?", (which, which)
                ).fetchall()
                for task, state, attempts in found:
                    db.execute("UPDATE task SET uri = '', report = '', title = '' WHERE id = ?", (task,))
                    if state in ("waiting", "leased"):
                        self._bury(db, task, attempts, "forgotten", now)
            self.db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return len(found)

    def close(self) -> None:
        while self._open:
            self._open.pop().close()
        self._local = threading.local()

    @property
    def db(self) -> sqlite3.Connection:
        """This thread's connection."""
        found: sqlite3.Connection | None = getattr(self._local, "db", None)
        if found is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            found = sqlite3.connect(self.path, timeout=60.0, isolation_level=None, check_same_thread=False)
            found.execute("PRAGMA journal_mode = WAL")
            found.execute(f"PRAGMA synchronous = {'FULL' if self.options.power_safe else 'NORMAL'}")
            found.execute("PRAGMA foreign_keys = ON")
            self._local.db = found
            self._open.append(found)
        return found

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction that writes; rolled back when it fails."""
        with transaction(self.db) as db:
            yield db

    @contextmanager
    def errors(self) -> Iterator[None]:
        """SQLite's errors as the project's own."""
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise StoreError(f"review queue {self.path}: {error}") from error

    def _expire(self, db: sqlite3.Connection, now: float) -> None:
        rows = db.execute(
            "SELECT id, attempts, worker FROM task WHERE state = 'leased' AND until < ?", (now,)
        ).fetchall()
        for task, attempts, worker in rows:
            reason = f"the lease of {worker} ran out"
            if attempts >= self.options.max_attempts:
                self._bury(db, task, attempts, reason, now)
            else:
                db.execute(
                    "UPDATE task SET state = 'waiting', worker = NULL, token = NULL, until = NULL, "
                    "ready = ?, reason = ? WHERE id = ?",
                    (now, reason, task),
                )

    @staticmethod
    def _bury(db: sqlite3.Connection, task: str, attempts: int, reason: str, now: float) -> None:
        db.execute(
            "UPDATE task SET state = 'dead', worker = NULL, token = NULL, until = NULL, reason = ? "
            "WHERE id = ?",
            (reason, task),
        )
        db.execute(ADD_EVENT, (now, "dead", task, None, attempts, reason))
