"""The topics of a queue on Kafka, and reading its feed from the start or from an event on."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from mmu.errors import StoreError
from mmu.moderation.queue.base import BANDS
from mmu.moderation.queue.task import EventType, Resolution, Task

#: seconds to wait for brokers
TIMEOUT = 30.0
#: milliseconds after which brokers abort a transaction that nobody ends
TRANSACTION = 15000
#: milliseconds after which brokers take a silent consumer for dead
SESSION = 6000


class Topics:
    """The bands and the feed, made where they are missing.

    Raises:
        StoreError: no broker can be reached, a topic cannot be made, or their partitions differ.
    """

    def __init__(self, settings: Any, name: str, partitions: int) -> None:
        self.settings, self.name = settings, name
        self.bands = [f"{name}.band{k}" for k in range(len(BANDS))]
        self.feed = f"{name}.feed"
        with errors(name):
            self.partitions = self._make(AdminClient(settings), partitions)

    def records(
        self, after: str = "", partitions: Sequence[int] | None = None, *, settled: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Records of the feed up to now; `id` is the place to go on from, in every partition.

        A transaction that is open hides itself and what is behind it. With `settled`, all that is there at
        first is waited for; what the dead left open is aborted after `TRANSACTION`.
        """
        numbers = list(range(self.partitions)) if partitions is None else list(partitions)
        try:
            start = [int(part) for part in after.split(".")] if after else [0] * self.partitions
        except ValueError:
            start = []
        if len(start) != self.partitions:
            raise StoreError(f"{after!r} is not an event id of this queue")
        with errors(self.name):
            reader: Any = Consumer(
                self.settings
                | {
                    "group.id": f"{self.name}.readers",
                    "auto.offset.reset": "earliest",
                    "enable.auto.commit": False,
                    "enable.partition.eof": True,
                    "isolation.level": "read_committed",
                }
            )
            try:
                reader.assign([TopicPartition(self.feed, number, start[number]) for number in numbers])
                ended: set[int] = set()
                wanted: dict[int, int] = {}
                found = []
                stop = time.time() + 4 * TIMEOUT
                while len(ended) < len(numbers) and time.time() < stop:
                    first = reader.poll(1.0)
                    for message in [first, *reader.consume(1000, timeout=0.0)] if first else []:
                        if message.error() and message.error().code() == KafkaError._PARTITION_EOF:
                            number, place = message.partition(), message.offset()
                            if number not in wanted:
                                _, high = reader.get_watermark_offsets(
                                    TopicPartition(self.feed, number), cached=True
                                )
                                wanted[number] = high if settled else place
                            if place >= wanted[number]:
                                ended.add(number)
                        elif message.error():
                            raise KafkaException(message.error())
                        else:
                            found.append(message)
            finally:
                reader.close()
        if len(ended) < len(numbers):
            raise StoreError(f"kafka queue {self.name!r}: the feed cannot be read to its end")
        found.sort(key=lambda message: (message.timestamp()[1], message.partition(), message.offset()))
        for message in found:
            start[message.partition()] = message.offset() + 1
            yield json.loads(message.value()) | {"id": ".".join(map(str, start))}

    def _make(self, admin: Any, partitions: int) -> int:
        """Make the topics that are missing; returns how many partitions they have."""
        names = [*self.bands, self.feed]
        known = admin.list_topics(timeout=TIMEOUT).topics
        keep = {"retention.ms": "-1"}
        missing = [NewTopic(topic, partitions, config=keep) for topic in names if topic not in known]
        for future in (admin.create_topics(missing) if missing else {}).values():
            try:
                future.result(TIMEOUT)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
        counts = {len(admin.list_topics(topic, timeout=TIMEOUT).topics[topic].partitions) for topic in names}
        if len(counts) != 1:
            raise StoreError(f"kafka queue {self.name!r}: topics {', '.join(names)} differ in partitions")
        return counts.pop()


def member(group: str, lease: float) -> dict[str, Any]:
    """Settings of a consumer that shares the bands with others; `lease` in seconds."""
    return {
        "group.id": group,
        "auto.offset.reset": "earliest",
        "enable.auto.commit": False,
        # the same partition number of every band goes to the same consumer
        "partition.assignment.strategy": "range",
        "session.timeout.ms": SESSION,
        # a member that does not call holds up a group that forms anew; after this long it is out
        "max.poll.interval.ms": max(SESSION, round(1000 * lease)),
        "fetch.wait.max.ms": 100,
        "isolation.level": "read_committed",
    }


@contextmanager
def errors(name: str) -> Iterator[None]:
    """The client's errors as the project's own."""
    try:
        yield
    except (KafkaException, BufferError) as error:
        raise StoreError(f"kafka queue {name!r}: {str(error)[:300]}") from error


def encode(
    kind: EventType | str,
    task: Task,
    *,
    attempts: int = 0,
    reason: str = "",
    resolution: Resolution | None = None,
) -> bytes:
    """One record of the feed; `leased` ones only count attempts."""
    data = {
        "type": kind,
        "at": time.time(),
        "task": task.model_dump(),
        "attempts": attempts,
        "reason": reason,
    }
    if resolution:
        data["resolution"] = resolution.model_dump()
    return json.dumps(data, ensure_ascii=False).encode()
