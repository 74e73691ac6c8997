"""The interface of a review queue, and opening one by its URL.

At-least-once: a task is leased, not taken; when the lease runs out before the task is
resolved, it goes to the next worker. A task is resolved once: `ack` of a lease that ran out
or was given to another returns False and changes nothing.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

from mmu.errors import ConfigError
from mmu.moderation.queue.task import Dead, Event, Lease, Resolution, Stats, Task

#: lower ends of the priority bands of brokers that keep no order of their own, highest first
BANDS = (3.0, 1.5, 0.5, 0.0)


@dataclass(frozen=True, slots=True)
class QueueOptions:
    """What holds for every task of a queue."""

    #: seconds until a task that was not resolved goes to another worker
    lease: float = 900.0
    #: leases that may fail (run out, or be released as failed) before a task is given up
    max_attempts: int = 5
    #: SQLite only: wait for the disk at every commit, so that not even a power cut loses the last ones
    #: (killed processes never lose any); costs most of the speed
    power_safe: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.lease <= 86400 or not 1 <= self.max_attempts <= 1000:
            raise ConfigError(
                f"queue options: lease {self.lease} s (more than 0, at most 86400), "
                f"max_attempts {self.max_attempts} (1 to 1000)"
            )


class ReviewQueue(ABC):
    """Tasks in, leases out, resolutions back; a context manager."""

    options: QueueOptions

    @abstractmethod
    def put(self, tasks: Iterable[Task]) -> int:
        """Add tasks; those that are known already change nothing. Returns how many were new."""

    @abstractmethod
    def lease(self, worker: str, *, limit: int = 1) -> list[Lease]:
        """Up to `limit` tasks, the highest priority first. Empty when there is nothing to do."""

    @abstractmethod
    def extend(self, lease: Lease) -> Lease | None:
        """The lease with its full time from now on; None when it is not held any more."""

    @abstractmethod
    def ack_all(self, done: Sequence[tuple[Lease, Resolution]]) -> list[bool]:
        """Resolve tasks; False where the lease was lost: that resolution does not count."""

    def ack(self, lease: Lease, resolution: Resolution) -> bool:
        """Resolve one task."""
        return self.ack_all([(lease, resolution)])[0]

    @abstractmethod
    def release(self, lease: Lease, *, failed: bool = True, reason: str = "", delay: float = 0.0) -> bool:
        """Give a task back: as failed (counts as an attempt) or untouched. False when the lease was lost."""

    @abstractmethod
    def stats(self) -> Stats:
        """How many tasks are in which state."""

    @abstractmethod
    def dead(self) -> list[Dead]:
        """Tasks that were given up."""

    @abstractmethod
    def revive(self, task: str) -> bool:
        """Put a dead task back, with all its attempts; False when there is none of this id."""

    @abstractmethod
    def events(self, after: str = "") -> Iterator[Event]:
        """The feed so far, oldest first, after the event with this id (from the start when empty)."""

    @abstractmethod
    def close(self) -> None:
        """Free connections; leases that are held run out."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def band_of(priority: float) -> int:
    """The band (0 = most urgent) of a priority."""
    return next(k for k, low in enumerate(BANDS) if priority >= low)


def open_queue(url: str | Path, options: QueueOptions | None = None) -> ReviewQueue:
    """A queue by its URL.

    Args:
        url: a file (embedded SQLite), `redis://HOST[:PORT]/DB?name=NAME` (also `rediss://`,
            `redis+unix:///SOCKET`) or `kafka://HOST[:PORT][,…]/NAME`.
        options: lease time and attempts.

    Raises:
        ConfigError: another scheme, or the client library is not installed.
        StoreError: the queue cannot be reached or opened.
    """
    options = options or QueueOptions()
    scheme, separator, _ = str(url).partition("://")
    if not separator or scheme == "sqlite":
        from mmu.moderation.queue.sqlite import SqliteQueue

        return SqliteQueue(Path(str(url).removeprefix("sqlite://")), options)
    parts = urlsplit(str(url))
    try:
        if scheme in ("redis", "rediss", "redis+unix"):
            from mmu.moderation.queue.redis_streams import RedisQueue

            name = parse_qs(parts.query).get("name", ["review"])[0]
            address = parts._replace(query="", scheme=scheme.removeprefix("redis+")).geturl()
            return RedisQueue(address, options, name=name)
        if scheme == "kafka":
            from mmu.moderation.queue.kafka import KafkaQueue

            return KafkaQueue(parts.netloc, options, name=unquote(parts.path.strip("/")) or "review")
    except ImportError as error:
        raise ConfigError(
            f"{url}: install the client with `pip install mmu-video[queue]` ({error})"
        ) from error
    raise ConfigError(
        f"{url}: unknown kind of queue {scheme!r}; known: a file, redis, rediss, redis+unix, kafka"
    )
