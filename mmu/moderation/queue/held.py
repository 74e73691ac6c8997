"""What one consumer of a log holds: tasks that are open, leases, and offsets that may be committed."""

from __future__ import annotations

import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

from mmu.moderation.priority import rank
from mmu.moderation.queue.base import QueueOptions
from mmu.moderation.queue.task import Task

Place = tuple[str, int]


@dataclass(slots=True)
class Entry:
    """A task with its place in the log."""

    task: Task
    topic: str
    partition: int
    offset: int
    #: seconds since 1970
    queued: float = 0.0
    token: str = ""
    worker: str = ""
    until: float = 0.0
    ready: float = 0.0
    attempts: int = 0
    reason: str = ""

    @property
    def place(self) -> Place:
        return self.topic, self.partition


@dataclass(slots=True)
class _Partition:
    #: offsets read and not resolved
    pending: set[int] = field(default_factory=set)
    #: the next offset to read
    next: int = 0


class Held:
    """Book-keeping without any I/O."""

    def __init__(self, options: QueueOptions) -> None:
        self._options = options
        self._open: dict[str, Entry] = {}
        self._over: list[Entry] = []
        self._ended: set[str] = set()
        self._attempts: dict[str, int] = defaultdict(int)
        self._places: dict[Place, _Partition] = defaultdict(_Partition)

    def learn(self, records: Iterable[tuple[str, str]]) -> None:
        """Take in all records (type, task id) of the feed of new partitions, in order."""
        seen: set[str] = set()
        for kind, task in records:
            if task not in seen:
                seen.add(task)
                self._attempts.pop(task, None)
                self._ended.discard(task)
            if kind in ("decided", "dead"):
                self._ended.add(task)
            elif kind == "revived":
                self._ended.discard(task)
                self._attempts.pop(task, None)
            elif kind == "leased":
                self._attempts[task] += 1

    def take(self, entry: Entry, *, revived: bool = False) -> None:
        """Take in a task that was read; one that is known is passed over."""
        place = self._places[entry.place]
        place.next = max(place.next, entry.offset + 1)
        if revived and entry.task.id not in self._open:
            self._ended.discard(entry.task.id)
        if entry.task.id in self._ended or entry.task.id in self._open:
            return
        place.pending.add(entry.offset)
        entry.attempts = self._attempts.get(entry.task.id, 0)
        self._open[entry.task.id] = entry
        self._limit(entry, f"{entry.attempts} leases were lost")

    def give(self, worker: str, limit: int, now: float) -> list[Entry]:
        """The most urgent tasks of those that are held, of whatever band, by priority and age; leased."""
        free = [
            e for e in self._open.values() if not e.token and e.ready <= now and worker not in e.task.excluded
        ]
        free.sort(key=lambda e: (-rank(e.task.priority, e.queued), e.task.time, e.task.id))
        for entry in free[:limit]:
            entry.token, entry.worker = secrets.token_hex(8), worker
            entry.until = now + self._options.lease
            entry.attempts += 1
        return free[:limit]

    def held(self, task: str, token: str, now: float) -> Entry | None:
        """The entry of a lease that is still held."""
        entry = self._open.get(task)
        return entry if entry and entry.token == token and entry.until >= now else None

    def back(self, entry: Entry, *, failed: bool, reason: str, ready: float) -> None:
        """Give a leased entry back."""
        entry.token, entry.reason, entry.ready = "", reason, ready
        if not failed:
            entry.attempts -= 1
        self._limit(entry, reason)

    def expire(self, now: float) -> None:
        """Take back leases that ran out."""
        for entry in [e for e in self._open.values() if e.token and e.until < now]:
            self.back(entry, failed=True, reason=f"the lease of {entry.worker} ran out", ready=now)

    def exhausted(self) -> list[Entry]:
        """Entries that have no attempt left, to be written as dead."""
        over, self._over = self._over, []
        return over

    def offsets(self, ends: Iterable[Entry]) -> dict[Place, int]:
        """What may be committed once these entries have ended: the first offset that is still open."""
        gone: dict[Place, set[int]] = defaultdict(set)
        for entry in ends:
            gone[entry.place].add(entry.offset)
        return {
            place: min(self._places[place].pending - offsets, default=self._places[place].next)
            for place, offsets in gone.items()
        }

    def finish(self, ends: Iterable[Entry]) -> None:
        """These have ended."""
        for entry in ends:
            self._places[entry.place].pending.discard(entry.offset)
            self._open.pop(entry.task.id, None)
            self._attempts.pop(entry.task.id, None)
            self._ended.add(entry.task.id)

    def drop(self, topic: str, partition: int) -> None:
        """A partition went to another consumer: its leases are lost."""
        self._places.pop((topic, partition), None)
        for task in [t for t, e in self._open.items() if e.place == (topic, partition)]:
            del self._open[task]
        self._over = [entry for entry in self._over if entry.place != (topic, partition)]

    def buffered(self, topic: str) -> int:
        """Tasks of a topic that wait here."""
        return sum(1 for entry in self._open.values() if entry.topic == topic and not entry.token)

    def leased(self, now: float) -> int:
        """Leases that are held."""
        return sum(1 for entry in self._open.values() if entry.token and entry.until >= now)

    def _limit(self, entry: Entry, reason: str) -> None:
        if entry.attempts >= self._options.max_attempts:
            entry.token, entry.worker, entry.reason = "over", "", reason
            entry.until = float("inf")
            self._over.append(entry)
