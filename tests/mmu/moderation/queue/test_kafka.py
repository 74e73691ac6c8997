"""What only a log has: partitions that go from one consumer to another, and aborted transactions."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from uuid import uuid4

import pytest

from mmu.moderation.queue import Lease, QueueOptions, Resolution, Task, open_queue

#: leases all there is, says how much that was, and resolves it once a line comes in
WORKER = """
import sys
from mmu.moderation.queue import QueueOptions, Resolution, open_queue
with open_queue(sys.argv[1], QueueOptions(lease=float(sys.argv[2]))) as queue:
    held = queue.lease("slow", limit=9)
    print(len(held), flush=True)
    sys.stdin.readline()
    print(sum(queue.ack_all([(one, Resolution(verdict="pass", reviewer="slow")) for one in held])), flush=True)
"""


def worker(url: str, lease: float) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", WORKER, url, str(lease)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def put(url: str, count: int) -> None:
    with open_queue(url) as queue:
        queue.put([Task(video=f"{k:064x}", policy="default", version="1") for k in range(count)])


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


def decided(url: str, slow: subprocess.Popen[str]) -> list[tuple[str, str]]:
    """Another worker resolves what it gets; then the slow one wakes up: who decided what."""
    assert slow.stdin is not None
    with open_queue(url, QueueOptions(lease=60.0)) as queue:
        held: list[Lease] = []
        stop = time.monotonic() + 60
        while len(held) < 3 and time.monotonic() < stop:
            held += queue.lease("quick", limit=3)
        passed = Resolution(verdict="pass", reviewer="quick")
        assert queue.ack_all([(one, passed) for one in held]) == [True] * 3
        slow.send_signal(signal.SIGCONT)
        slow.stdin.write("\n")
        slow.stdin.flush()
        assert line(slow) == "0"
        slow.kill()
        slow.wait()
        return [(e.task.id, e.resolution.reviewer) for e in queue.events() if e.resolution]


def decided_beside_a_worker(server: str, *, lease: float, freeze: bool) -> list[tuple[str, str]]:
    """What is decided of three tasks that a worker holds which is frozen, or asks for nothing any more."""
    url = f"{server}/{uuid4().hex}"
    put(url, 3)
    slow = worker(url, lease)
    try:
        assert line(slow) == "3"
        if freeze:
            slow.send_signal(signal.SIGSTOP)
        return decided(url, slow)
    finally:
        slow.kill()
        slow.wait()


@pytest.mark.slow
def test_a_worker_that_was_frozen_does_not_decide_what_another_has_decided(tansu_url: str) -> None:
    """Its brokers hear nothing of it; it knows nothing of that when it goes on."""
    found = decided_beside_a_worker(tansu_url, lease=60.0, freeze=True)
    assert len(found) == len(dict(found)) == 3
    assert {reviewer for _, reviewer in found} == {"quick"}


@pytest.mark.slow
def test_a_worker_that_asks_for_nothing_does_not_hold_the_group_up(noida_url: str) -> None:
    """It is alive, and its client talks to the brokers; but a lease has run out since it last called."""
    found = decided_beside_a_worker(noida_url, lease=6.0, freeze=False)
    assert len(found) == len(dict(found)) == 3
    assert {reviewer for _, reviewer in found} == {"quick"}


def test_what_a_transaction_wrote_that_did_not_end_is_no_decision(noida_url: str, monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    """The worker dies between writing a resolution and committing it."""
    from mmu.moderation.queue.kafka import KafkaQueue

    url = f"{noida_url}/{uuid4().hex}"
    put(url, 1)
    with open_queue(url) as first:
        assert isinstance(first, KafkaQueue)
        (lease,) = first.lease("a")

        def die(*_: object) -> None:
            first._transactions.flush(20)
            raise KeyboardInterrupt

        monkeypatch.setattr(first._held, "offsets", die)
        with pytest.raises(KeyboardInterrupt):
            first.ack(lease, Resolution(verdict="block", reviewer="a"))
        first._transactions.abort_transaction(20)
    with open_queue(url) as second:
        (again,) = second.lease("b")
        assert again.task == lease.task
        assert second.ack(again, Resolution(verdict="pass", reviewer="b"))
        found = [event.resolution.verdict for event in second.events() if event.resolution]
    assert found == ["pass"]


def test_a_decision_that_is_being_committed_is_waited_for(noida_url: str) -> None:
    """A new owner of a partition finds a transaction open in its feed: what it will say is known before a lease."""
    from confluent_kafka import Producer

    from mmu.moderation.queue.kafka import KafkaQueue
    from mmu.moderation.queue.kafka_topics import encode

    url = f"{noida_url}/{uuid4().hex}"
    put(url, 2)
    with open_queue(url) as queue:
        assert isinstance(queue, KafkaQueue)
        feed, settings = queue._topics.feed, queue._settings
        first, second = (event.task for event in queue.events())
    dying = Producer(settings | {"transactional.id": uuid4().hex})
    dying.init_transactions(20)
    dying.begin_transaction()
    answer = Resolution(verdict="block", reviewer="a")
    dying.produce(feed, encode("decided", first, attempts=1, resolution=answer), first.id)
    dying.flush(20)
    commit = threading.Timer(2.0, dying.commit_transaction, (20,))
    commit.start()
    with open_queue(url) as queue:
        assert [one.task for one in queue.lease("b", limit=5)] == [second]
        commit.join()
        assert [event.resolution for event in queue.events() if event.resolution] == [answer]
