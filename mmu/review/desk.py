"""What reviewers do with tasks: take, decide, escalate, ask for a second opinion, hand back, undo.

Every act is one transaction over the queue, the verdicts and the audit log: it happens as a
whole or not at all. A task is decided only by who holds its lease, so never twice.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mmu.errors import MmuError
from mmu.moderation.priority import rank
from mmu.moderation.queue.sqlite_rows import ADD_EVENT, COLUMNS, row_of, task_from
from mmu.moderation.queue.task import Lane, Lease, Resolution, Task
from mmu.review.accounts import User
from mmu.review.tables import Database
from mmu.review.verdicts import Decision, Opinion, take_back, write

#: seconds within which a reviewer may take back an own decision
UNDO = 24 * 3600.0
ORDERS = {"priority": "rank DESC, id", "age": "queued, id", "unsure": "abs(confidence - 0.5), id"}


class NotHeldError(MmuError):
    """The task is not the user's: the lease ran out, or another has it."""


@dataclass(frozen=True, slots=True)
class Item:
    """A task as the page needs it, whoever holds it."""

    task: Task
    state: str
    worker: str | None
    token: str | None
    until: float | None
    attempts: int
    reason: str
    queued: float
    verdict: str | None
    reviewer: str | None


class Desk:
    """The acts of reviewers.

    Args:
        database: the queue with the page's own tables.
        second: share (0 to 1) of the decisions that another reviewer gives a second opinion on,
            without seeing the first; chosen by the task's id.
    """

    def __init__(self, database: Database, *, second: float = 0.0) -> None:
        self.database = database
        self._second = second

    def next(self, user: User, *, order: str = "priority", lane: str = "") -> Lease | None:
        """The next task for a user: what they hold already, or the most urgent that they may have."""
        mine = self.held_by(user.name, limit=1)
        if mine and mine[0].token and mine[0].until and not lane:
            item = mine[0]
            return Lease(item.task, str(item.token), user.name, float(item.until or 0), item.attempts)
        lanes = [lane] if lane in lanes_of(user) else lanes_of(user)
        marks = ", ".join("?" * len(lanes))
        found = self.database.lease_where(
            user.name, where=f"lane IN ({marks})", values=lanes, order=ORDERS.get(order, ORDERS["priority"])
        )
        return found[0] if found else None

    def claim(self, user: User, task: str) -> Lease:
        """Take one task out of order.

        Raises:
            NotHeldError: somebody has it, it is decided, or it is not for this user.
        """
        lanes = lanes_of(user)
        marks = ", ".join("?" * len(lanes))
        found = self.database.lease_where(
            user.name, where=f"id = ? AND lane IN ({marks})", values=[task, *lanes]
        )
        if not found:
            raise NotHeldError("taken")
        return found[0]

    def find(self, task: str) -> Item | None:
        """A task by its id."""
        found = self._select("id = ?", (task,))
        return found[0] if found else None

    def held_by(self, name: str, limit: int = 50) -> list[Item]:
        """What a user holds, oldest first."""
        return self._select(
            "state = 'leased' AND worker = ? AND until >= ? ORDER BY until LIMIT ?",
            (name, time.time(), limit),
        )

    def decide(
        self, user: User, task: str, token: str, opinion: Opinion, *, second: bool = False, address: str = ""
    ) -> str:
        """Decide a held task; returns the id of the verdict.

        Raises:
            NotHeldError: the lease was lost; nothing was changed.
        """
        with self.database.errors(), self.database.writing() as db:
            found = self._held(db, user, task, token)
            resolution = Resolution(
                verdict=opinion.decision, reviewer=user.name, category=opinion.category, note=opinion.note
            )
            if not self.database.resolve(db, task, token, resolution):
                raise NotHeldError("lost")
            batch = write(db, found, user.name, opinion)
            detail = " ".join(filter(None, (opinion.decision, opinion.category)))
            self.database.audit(db, user.name, "decide", task, detail, address)
            if opinion.decision == "escalate":
                self._add(db, found, "escalated", ())
            elif found.lane == "second":
                self._compare(db, found, opinion.decision)
            elif second or (found.lane in ("review", "quality") and sampled(found.id, self._second)):
                self._add(db, found, "second", (user.name,))
        return batch

    def release(self, user: User, task: str, token: str, *, address: str = "") -> None:
        """Give a held task back untouched.

        Raises:
            NotHeldError: the lease was lost.
        """
        lease = Lease(Task.model_construct(id=task, video="", policy=""), token, user.name, 0.0, 0)
        if not self.database.release(lease, failed=False, reason=f"handed back by {user.name}"):
            raise NotHeldError("lost")
        with self.database.errors(), self.database.writing() as db:
            self.database.audit(db, user.name, "release", task, address=address)

    def extend(self, user: User, task: str, token: str) -> float:
        """Hold a task for its full time again; returns until when.

        Raises:
            NotHeldError: the lease was lost.
        """
        lease = Lease(Task.model_construct(id=task, video="", policy=""), token, user.name, 0.0, 0)
        found = self.database.extend(lease)
        if found is None:
            raise NotHeldError("lost")
        return found.until

    def undo(self, user: User, batch: str, *, address: str = "") -> str:
        """Take a decision back: the task is the user's again. Returns the task's id.

        Raises:
            NotHeldError: no such decision, it is another's (leads may take back any), it is too old, or
                somebody works on what followed from it.
        """
        with self.database.errors(), self.database.writing() as db:
            row = db.execute(
                "SELECT task, reviewer, time FROM standing WHERE batch = ? AND decision != '' LIMIT 1",
                (batch,),
            ).fetchone()
            if row is None or (row[1] != user.name and not user.may("lead")):
                raise NotHeldError("not_yours")
            if time.time() - row[2] > UNDO:
                raise NotHeldError("too_old")
            task = str(row[0])
            found = task_from(db.execute(f"SELECT {COLUMNS} FROM task WHERE id = ?", (task,)).fetchone())
            if found.lane == "review" or found.lane == "quality":
                # what followed from the decision and was not begun goes away with it
                started = db.execute(
                    "SELECT 1 FROM task WHERE video = ? AND policy = ? AND version = ? AND lane IN "
                    "('second', 'escalated') "
                    "AND state != 'waiting'",
                    (found.video, found.policy, found.version),
                ).fetchone()
                if started:
                    raise NotHeldError("followed")
                for (follower,) in db.execute(
                    "SELECT id FROM task WHERE video = ? AND policy = ? AND version = ? AND lane IN "
                    "('second', 'escalated')",
                    (found.video, found.policy, found.version),
                ).fetchall():
                    withdrawn = Resolution(
                        verdict="moved", reviewer=user.name, note="the decision before it was taken back"
                    )
                    now = time.time()
                    db.execute(
                        "UPDATE task SET state = 'done', done = ?, verdict = 'moved' WHERE id = ?",
                        (now, follower),
                    )
                    db.execute(ADD_EVENT, (now, "decided", follower, withdrawn.model_dump_json(), 0, ""))
            if not self.database.reopen(db, task, user.name, "taken back"):
                raise NotHeldError("lost")
            take_back(db, batch, user.name)
            self.database.audit(db, user.name, "undo", task, batch, address)
        return task

    def revive(self, user: User, task: str, *, address: str = "") -> bool:
        """Put a dead task back into the queue."""
        if not self.database.revive(task):
            return False
        with self.database.errors(), self.database.writing() as db:
            self.database.audit(db, user.name, "revive", task, address=address)
        return True

    def _compare(self, db: sqlite3.Connection, task: Task, decision: Decision) -> None:
        """A second opinion that differs from the first goes to a lead."""
        first = db.execute(
            "SELECT decision FROM standing WHERE video = ? AND policy = ? AND version = ? AND kind = "
            "'decision' "
            "AND lane IN ('review', 'quality') ORDER BY id DESC LIMIT 1",
            (task.video, task.policy, task.version),
        ).fetchone()
        if first and first[0] != decision:
            self._add(db, task, "escalated", ())

    def _add(self, db: sqlite3.Connection, task: Task, lane: Lane, excluded: Sequence[str]) -> None:
        now = time.time()
        data = task.model_dump(exclude={"id", "time"}) | {"lane": lane, "excluded": list(excluded)}
        follower = Task.model_validate(data)
        marks = ", ".join("?" * 19)
        known = db.execute("SELECT state FROM task WHERE id = ?", (follower.id,)).fetchone()
        if known is None:
            db.execute(
                f"INSERT INTO task ({COLUMNS}, rank, queued, ready) VALUES ({marks})",
                (*row_of(follower), rank(follower.priority, now), now, now),
            )
        elif known[0] == "done":
            # the first decision was taken back and made anew
            db.execute(
                "UPDATE task SET state = 'waiting', done = NULL, verdict = NULL, reviewer = NULL, "
                "attempts = 0, "
                "queued = ?, ready = ?, excluded = ? WHERE id = ?",
                (now, now, row_of(follower)[14], follower.id),
            )
        db.execute(ADD_EVENT, (now, "queued", follower.id, None, 0, ""))

    def _held(self, db: sqlite3.Connection, user: User, task: str, token: str) -> Task:
        row = db.execute(
            f"SELECT {COLUMNS} FROM task WHERE id = ? AND worker = ? AND token = ? AND state = "
            f"'leased' AND until >= ?",
            (task, user.name, token, time.time()),
        ).fetchone()
        if row is None:
            raise NotHeldError("lost")
        return task_from(row)

    def _select(self, where: str, values: Sequence[object]) -> list[Item]:
        with self.database.errors():
            rows = self.database.db.execute(
                f"SELECT {COLUMNS}, state, worker, token, until, attempts, reason, queued, verdict, reviewer "
                f"FROM task WHERE {where}",
                tuple(values),
            ).fetchall()
        return [Item(task_from(row), *row[16:]) for row in rows]


def lanes_of(user: User) -> list[str]:
    """The lanes that a user decides."""
    if not user.may("decide"):
        return []
    return ["review", "second", "quality"] + ["escalated"] * user.may("lead")


def sampled(task: str, share: float) -> bool:
    """Whether a task is in the sample for second opinions."""
    return int(hashlib.sha256(task.encode()).hexdigest()[:13], 16) < share * 16**13
