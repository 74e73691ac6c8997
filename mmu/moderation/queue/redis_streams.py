"""The queue on Redis Streams (Redis 6.2 or newer).

One stream a priority band, read by one consumer group: the group's pending entries are the
leases, and an entry that was idle for longer than the lease is claimed by the next worker.
Every change is one Lua script, so it happens as a whole or not at all. Within a band order is
by arrival; of the bands' first tasks, the one that ranks highest by priority and age is next.
How durable it is, the server decides (`appendfsync always` loses nothing when it dies).
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib import resources
from itertools import islice
from typing import Any

import redis

from mmu.errors import ConfigError, StoreError
from mmu.moderation.priority import AGE_DOUBLES
from mmu.moderation.queue.base import BANDS, QueueOptions, ReviewQueue, band_of
from mmu.moderation.queue.task import Dead, Event, Lease, Resolution, Stats, Task, rfc3339

_GROUP = "reviewers"
_BATCH = 500


class RedisQueue(ReviewQueue):
    """A queue on a Redis server.

    Args:
        address: `redis://…`, `rediss://…` or `unix://…`.
        options: lease time and attempts.
        name: prefix of the keys, so that a server can hold several queues.

    Raises:
        ConfigError: a name or an address that cannot be.
        StoreError: the server cannot be reached.
    """

    def __init__(self, address: str, options: QueueOptions, *, name: str = "review") -> None:
        if not name.replace("-", "").replace("_", "").replace(".", "").isalnum():
            raise ConfigError(f"queue name {name!r}: letters, digits, '-', '_' and '.' only")
        self.options = options
        self._where = f"redis queue {name!r}"
        # one hash tag, so that a cluster keeps all keys of a queue on one node
        self._bands = [f"{{{name}}}:band:{k}" for k in range(len(BANDS))]
        self._tasks, self._attempts, self._dead, self._feed, self._later, self._done, self._since = (
            f"{{{name}}}:{part}" for part in ("tasks", "attempts", "dead", "feed", "later", "done", "since")
        )
        try:
            self._redis: Any = redis.Redis.from_url(address, decode_responses=True, health_check_interval=30)
        except ValueError as error:
            raise ConfigError(f"redis address {address!r}: {error}") from error
        with self._errors():
            for band in self._bands:
                with contextlib.suppress(redis.ResponseError):  # there is one already
                    self._redis.xgroup_create(band, _GROUP, id="0", mkstream=True)
            self._put = self._redis.register_script(_script("put"))
            self._lease = self._redis.register_script(_script("lease"))
            self._finish = self._redis.register_script(_script("finish"))
            self._revive = self._redis.register_script(_script("revive"))

    def put(self, tasks: Iterable[Task]) -> int:
        new, rest = 0, iter(tasks)
        while chunk := list(islice(rest, _BATCH)):
            flat: list[Any] = []
            for task in chunk:
                flat += [task.id, task.model_dump_json(), band_of(task.priority)]
            with self._errors():
                new += self._put(
                    keys=[*self._bands, self._tasks, self._feed, self._since],
                    args=[time.time(), len(BANDS), *flat],
                )
        return new

    def lease(self, worker: str, *, limit: int = 1) -> list[Lease]:
        options = self.options
        with self._errors():
            found = self._lease(
                keys=[
                    *self._bands, self._later, self._tasks, self._attempts, self._dead, self._feed,
                    self._since,
                ],
                args=[
                    _GROUP, worker, limit, int(options.lease * 1000), options.max_attempts, len(BANDS),
                    AGE_DOUBLES * 3600,
                ],
            )  # fmt: skip
        return [
            Lease(
                Task.model_validate_json(text),
                f"{band}|{entry}|{deliveries}",
                worker,
                float(now) + options.lease,
                int(attempt),
            )
            for text, band, entry, deliveries, attempt, now in found
        ]

    def extend(self, lease: Lease) -> Lease | None:
        if not self._end(lease, "extend"):
            return None
        return Lease(lease.task, lease.token, lease.worker, time.time() + self.options.lease, lease.attempt)

    def ack_all(self, done: Sequence[tuple[Lease, Resolution]]) -> list[bool]:
        with self._errors(), self._redis.pipeline(transaction=False) as pipe:
            for lease, resolution in done:
                self._end(lease, "ack", resolution.model_dump_json(), client=pipe)
            return [bool(answer) for answer in pipe.execute()]

    def release(self, lease: Lease, *, failed: bool = True, reason: str = "", delay: float = 0.0) -> bool:
        action = "failed" if failed else "untouched"
        return bool(self._end(lease, action, reason or "failed", delay=delay))

    def stats(self) -> Stats:
        with self._errors(), self._redis.pipeline(transaction=True) as pipe:
            for band in self._bands:
                pipe.xlen(band).xpending(band, _GROUP).xrange(band, count=1)
            pipe.zcard(self._later).get(self._done).hlen(self._dead)
            *answers, later, done, dead = pipe.execute()
        length, pending, first = (answers[k::3] for k in range(3))
        leased = sum(item["pending"] for item in pending)
        born = [int(rows[0][0].split("-")[0]) / 1000 for rows in first if rows]
        return Stats(
            sum(length) - leased + later,
            leased,
            int(done or 0),
            dead,
            oldest=max(0.0, time.time() - min(born)) if born else None,
        )

    def dead(self) -> list[Dead]:
        with self._errors():
            reasons = self._redis.hgetall(self._dead)
            ids = sorted(reasons)
            texts = self._redis.hmget(self._tasks, ids) if ids else []
            tried = self._redis.hmget(self._attempts, ids) if ids else []
        return [
            Dead(Task.model_validate_json(text), int(count or 0), reasons[task])
            for task, text, count in zip(ids, texts, tried, strict=True)
        ]

    def revive(self, task: str) -> bool:
        with self._errors():
            text = self._redis.hget(self._tasks, task)
            if not text:
                return False
            band = self._bands[band_of(Task.model_validate_json(text).priority)]
            keys = [band, self._tasks, self._attempts, self._dead, self._feed]
            return bool(self._revive(keys=keys, args=[task, time.time()]))

    def events(self, after: str = "") -> Iterator[Event]:
        last = after or "0"
        if not re.fullmatch(r"\d+(-\d+)?", last):
            raise StoreError(f"{after!r} is not an event id of this queue")
        while True:
            with self._errors():
                rows = self._redis.xrange(self._feed, min=f"({last}", count=_BATCH)
            for last, fields in rows:
                yield _event(last, fields)
            if not rows:
                return

    def close(self) -> None:
        self._redis.close()

    def _end(
        self, lease: Lease, action: str, payload: str = "", *, delay: float = 0.0, client: Any = None
    ) -> Any:
        band, entry, deliveries = lease.token.split("|")
        keys = [
            self._bands[int(band)], self._tasks, self._attempts, self._dead, self._feed,
            self._later, self._done, self._since,
        ]  # fmt: skip
        args: list[Any] = [
            _GROUP, entry, lease.worker, deliveries, int(self.options.lease * 1000), lease.task.id, action,
            payload, self.options.max_attempts, band, delay,
        ]  # fmt: skip
        with self._errors():
            return self._finish(keys=keys, args=args, client=client)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (redis.RedisError, OSError) as error:
            raise StoreError(f"{self._where}: {str(error)[:300]}") from error


def _event(number: str, fields: dict[str, str]) -> Event:
    decided = fields.get("resolution")
    return Event.model_validate(
        {
            "id": number,
            "type": fields["type"],
            "time": rfc3339(float(fields["time"])),
            "task": Task.model_validate_json(fields["task"]),
            "resolution": Resolution.model_validate_json(decided) if decided else None,
            "attempts": int(fields.get("attempts", 0)),
            "reason": fields.get("reason", ""),
        }
    )


def _script(name: str) -> str:
    return (resources.files("mmu.moderation.queue") / f"{name}.lua").read_text("utf-8")
