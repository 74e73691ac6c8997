"""The queue over the Kafka protocol (Kafka 2.5 or newer, Redpanda and the like).

One topic a priority band and one for the feed, all with the same number of partitions and
keyed by task, so that whoever owns partition `p` of the bands finds in partition `p` of the
feed what became of their tasks. A resolution and the offsets behind it are one transaction.

What a log cannot do: order (by priority and age) is among what was fetched, up to 500 tasks of
each band; a lease belongs to the consumer's process (when it dies, or asks for nothing for as long as a
lease lasts, the group gives its partitions to another); `put` cannot know what is new, so known tasks are
skipped when they are read.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from uuid import uuid4

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from mmu.errors import StoreError
from mmu.moderation.queue.base import QueueOptions, ReviewQueue, band_of
from mmu.moderation.queue.held import Entry, Held
from mmu.moderation.queue.kafka_topics import TIMEOUT, TRANSACTION, Topics, encode, errors, member
from mmu.moderation.queue.task import Dead, Event, Lease, Resolution, Stats, Task, rfc3339

#: tasks of one band that are held in memory
_PREFETCH = 500


class KafkaQueue(ReviewQueue):
    """A queue on Kafka brokers.

    Args:
        brokers: `HOST:PORT[,HOST:PORT…]`.
        options: lease time and attempts.
        name: prefix of the topics, and the consumer group.
        partitions: of topics that do not exist yet; as many consumers can work at once.
        settings: further settings of librdkafka (security, for example).

    Raises:
        StoreError: no broker can be reached, or a topic cannot be made.
    """

    def __init__(
        self,
        brokers: str,
        options: QueueOptions,
        *,
        name: str = "review",
        partitions: int = 8,
        settings: dict[str, Any] | None = None,
    ) -> None:
        self.options = options
        self._name = name
        # librdkafka writes to standard error what it also raises
        self._settings: Any = {"bootstrap.servers": brokers, "log_level": 2} | (settings or {})
        self._lock = threading.RLock()
        self._held = Held(options)
        self._consumer: Any = None
        self._assigned = threading.Event()
        self._fresh: list[TopicPartition] = []
        self._topics = Topics(self._settings, name, partitions)
        with errors(name):
            self._producer: Any = Producer(
                self._settings | {"enable.idempotence": True, "linger.ms": 5, "acks": "all"}
            )
        self._transactions: Any = None

    def put(self, tasks: Iterable[Task]) -> int:
        """Add tasks; returns how many were sent, known ones included."""
        count = 0
        seen: set[str] = set()
        with errors(self._name):
            for task in tasks:
                if task.id in seen:
                    continue
                seen.add(task.id)
                text = task.model_dump_json().encode()
                self._send(self._producer, self._topics.bands[band_of(task.priority)], task.id, text)
                self._send(self._producer, self._topics.feed, task.id, encode("queued", task))
                count += 1
            self._flush()
        return count

    def lease(self, worker: str, *, limit: int = 1) -> list[Lease]:
        with self._lock, errors(self._name):
            self._poll()
            given = self._held.give(worker, limit, time.time())
            over = self._held.exhausted()
            if given:
                for entry in given:
                    self._send(self._producer, self._topics.feed, entry.task.id, encode("leased", entry.task))
                self._flush()
            for entry in over:
                self._end([(entry, encode("dead", entry.task, attempts=entry.attempts, reason=entry.reason))])
            return [Lease(entry.task, entry.token, worker, entry.until, entry.attempts) for entry in given]

    def extend(self, lease: Lease) -> Lease | None:
        with self._lock, errors(self._name):
            self._poll(0)
            entry = self._held.held(lease.task.id, lease.token, time.time())
            if entry is None:
                return None
            entry.until = time.time() + self.options.lease
            return Lease(lease.task, lease.token, lease.worker, entry.until, lease.attempt)

    def ack_all(self, done: Sequence[tuple[Lease, Resolution]]) -> list[bool]:
        with self._lock, errors(self._name):
            self._poll(0)
            now = time.time()
            held = [self._held.held(lease.task.id, lease.token, now) for lease, _ in done]
            ends = [
                (entry, encode("decided", entry.task, attempts=entry.attempts, resolution=resolution))
                for entry, (_, resolution) in zip(held, done, strict=True)
                if entry is not None
            ]
            if ends:
                self._end(ends)
            return [entry is not None for entry in held]

    def release(self, lease: Lease, *, failed: bool = True, reason: str = "", delay: float = 0.0) -> bool:
        with self._lock, errors(self._name):
            self._poll(0)
            entry = self._held.held(lease.task.id, lease.token, time.time())
            if entry is None:
                return False
            self._held.back(entry, failed=failed, reason=reason or "failed", ready=time.time() + delay)
            for over in self._held.exhausted():
                self._end([(over, encode("dead", over.task, attempts=over.attempts, reason=over.reason))])
        return True

    def stats(self) -> Stats:
        """Counted from the feed: what was queued and is neither resolved nor given up."""
        last: dict[str, str] = {}
        born: dict[str, float] = {}
        for record in self._topics.records():
            if record["type"] in ("queued", "revived") and last.get(record["task"]["id"]) in (None, "dead"):
                born.setdefault(record["task"]["id"], record["at"])
                last[record["task"]["id"]] = "open"
            elif record["type"] in ("decided", "dead"):
                last[record["task"]["id"]] = record["type"]
        kinds = list(last.values())
        with self._lock:
            leased = self._held.leased(time.time())
        still = [born[task] for task, kind in last.items() if kind == "open"]
        return Stats(
            kinds.count("open") - leased,
            leased,
            kinds.count("decided"),
            kinds.count("dead"),
            oldest=max(0.0, time.time() - min(still)) if still else None,
        )

    def dead(self) -> list[Dead]:
        found: dict[str, Dead] = {}
        for record in self._topics.records():
            task = record["task"]["id"]
            if record["type"] == "dead":
                found[task] = Dead(
                    Task.model_validate(record["task"]), record.get("attempts", 0), record.get("reason", "")
                )
            elif record["type"] in ("revived", "decided"):
                found.pop(task, None)
        return list(found.values())

    def revive(self, task: str) -> bool:
        found = next((item.task for item in self.dead() if item.task.id == task), None)
        if found is None:
            return False
        with errors(self._name):
            band, text = self._topics.bands[band_of(found.priority)], found.model_dump_json().encode()
            self._send(self._producer, band, task, text, headers={"revived": "1"})
            self._send(self._producer, self._topics.feed, task, encode("revived", found))
            self._flush()
        return True

    def events(self, after: str = "") -> Iterator[Event]:
        for record in self._topics.records(after):
            if record["type"] == "leased":
                continue
            decided = record.get("resolution")
            yield Event(
                id=record["id"],
                type=record["type"],
                time=rfc3339(record["at"]),
                task=Task.model_validate(record["task"]),
                resolution=Resolution.model_validate(decided) if decided else None,
                attempts=record.get("attempts", 0),
                reason=record.get("reason", ""),
            )

    def close(self) -> None:
        with self._lock:
            if self._consumer is not None:
                self._consumer.close()
            self._producer.flush(TIMEOUT)

    def _join(self) -> None:
        """Join the group. Only those who lease do, so that a producer never owns partitions."""
        self._consumer = Consumer(self._settings | member(self._name, self.options.lease))
        self._transactions = Producer(
            self._settings
            | {"transactional.id": f"{self._name}.{uuid4().hex}", "transaction.timeout.ms": TRANSACTION}
        )
        self._transactions.init_transactions(TIMEOUT)
        self._consumer.subscribe(
            self._topics.bands, on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_revoke
        )

    def _on_assign(self, _: Any, partitions: list[TopicPartition]) -> None:
        self._fresh += partitions
        self._assigned.set()

    def _on_revoke(self, _: Any, partitions: list[TopicPartition]) -> None:
        self._assigned.clear()
        for item in partitions:
            self._held.drop(item.topic, item.partition)

    def _poll(self, patience: float = 15.0) -> None:
        """Take in what there is; waits for the group only when nothing was assigned yet."""
        if self._consumer is None:
            self._join()
        called = time.time()
        end = called + patience
        while True:
            waiting = not self._assigned.is_set() and time.time() < end
            idle = patience > 0 and not any(self._held.buffered(topic) for topic in self._topics.bands)
            first = self._consumer.poll(1.0 if waiting or idle else 0.0)
            batch = [first, *self._consumer.consume(_PREFETCH, timeout=0.0)] if first else []
            if self._fresh:
                numbers = sorted({item.partition for item in self._fresh})
                self._fresh = []
                known = self._topics.records(partitions=numbers, settled=True)
                self._held.learn((record["type"], record["task"]["id"]) for record in known)
            for message in batch:
                if message.error():
                    # called too late: the client joins again, and `_on_revoke` hears what was lost
                    if message.error().code() == KafkaError._MAX_POLL_EXCEEDED:
                        continue
                    raise KafkaException(message.error())
                revived = any(key == "revived" for key, _ in message.headers() or [])
                task = Task.model_validate_json(message.value())
                place = message.topic(), message.partition(), message.offset()
                self._held.take(Entry(task, *place, message.timestamp()[1] / 1000), revived=revived)
            for topic in self._topics.bands:
                mine = [item for item in self._consumer.assignment() if item.topic == topic]
                full = self._held.buffered(topic) >= _PREFETCH
                (self._consumer.pause if full else self._consumer.resume)(mine)
            if not waiting and (
                not batch or all(self._held.buffered(t) >= _PREFETCH for t in self._topics.bands)
            ):
                break
        self._held.expire(called)

    def _end(self, ends: list[tuple[Entry, bytes]]) -> None:
        """Write what became of tasks and move the offsets, in one transaction."""
        self._transactions.begin_transaction()
        try:
            for entry, record in ends:
                self._send(self._transactions, self._topics.feed, entry.task.id, record)
            offsets = self._held.offsets([entry for entry, _ in ends])
            self._transactions.send_offsets_to_transaction(
                [TopicPartition(topic, number, offset) for (topic, number), offset in offsets.items()],
                self._consumer.consumer_group_metadata(),
                TIMEOUT,
            )
            self._transactions.commit_transaction(TIMEOUT)
        except KafkaException:
            self._transactions.abort_transaction(TIMEOUT)
            raise
        self._held.finish([entry for entry, _ in ends])

    @staticmethod
    def _send(
        producer: Any, topic: str, key: str, value: bytes, headers: dict[str, str] | None = None
    ) -> None:
        while True:
            try:
                now = int(time.time() * 1000)
                producer.produce(topic, value, key.encode(), headers=headers, timestamp=now)
                return
            except BufferError:
                producer.poll(0.5)

    def _flush(self) -> None:
        if self._producer.flush(TIMEOUT):
            raise StoreError(
                f"kafka queue {self._name!r}: the brokers did not take all messages in {TIMEOUT:.0f} s"
            )
