"""What every kind of queue promises, on a real server of each kind."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from mmu.errors import StoreError
from mmu.moderation.queue import Resolution, ReviewQueue, Task

Open = Callable[..., ReviewQueue]


def task(number: int, *, priority: float = 1.0, excluded: tuple[str, ...] = ()) -> Task:
    return Task(
        video=f"{number:064x}", policy="default", version="1", title=f"猫 {number}", priority=priority,
        rules=["words.abuse"], excluded=list(excluded),
    )  # fmt: skip


def passed(worker: str = "a") -> Resolution:
    return Resolution(verdict="pass", reviewer=worker, category="无", note="没有问题")


def arrived(queue: Any, number: int) -> None:
    """Wait until so many tasks can be handed out: of Kafka's bands, the first to come is not always the highest."""
    if type(queue).__name__ == "KafkaQueue":  # its module needs a package that may not be installed
        deadline = time.monotonic() + 60
        while sum(queue._held.buffered(topic) for topic in queue._topics.bands) < number:
            assert time.monotonic() < deadline, "took too long"
            queue._poll(0)
            time.sleep(0.02)


def test_priority_acks_feed_and_stats(opened: Open) -> None:
    queue = opened()
    assert queue.lease("a") == []
    wanted = [task(1, priority=0.1), task(2, priority=4.0), task(3, priority=0.8), task(4, priority=2.0)]
    assert queue.put(wanted) == 4
    arrived(queue, 4)
    leases = queue.lease("a", limit=3)
    assert [item.task for item in leases] == [wanted[1], wanted[3], wanted[2]]
    assert [item.attempt for item in leases] == [1, 1, 1]
    assert {item.worker for item in leases} == {"a"}
    assert queue.ack_all([(leases[0], passed()), (leases[2], passed())]) == [True, True]
    assert queue.ack(leases[0], passed()) is False
    stats = queue.stats()
    assert (stats.waiting, stats.leased, stats.done, stats.dead) == (1, 1, 2, 0)
    assert stats.oldest is not None
    assert 0 <= stats.oldest < 60
    events = list(queue.events())
    assert Counter(item.type for item in events) == {"queued": 4, "decided": 2}
    decided = [item for item in events if item.type == "decided"]
    assert {item.task.id for item in decided} == {wanted[1].id, wanted[2].id}
    assert decided[0].resolution == passed()
    assert len({item.id for item in events}) == 6
    assert [item.id for item in queue.events(after=events[3].id)] == [item.id for item in events[4:]]
    assert list(queue.events(after=events[-1].id)) == []
    with pytest.raises(StoreError, match="nonsense"):
        list(queue.events(after="nonsense"))


def test_what_waits_longer_comes_first_in_the_end(opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    """Age counts when tasks are leased: a small one of three days ago outranks a grave one of today."""
    queue = opened()
    clock = time.time
    for number, priority, hours in ((1, 0.6, 72.0), (2, 4.0, 0.0), (3, 0.6, 1.0), (4, 2.0, 7.0)):
        with monkeypatch.context() as earlier:
            earlier.setattr(time, "time", lambda hours=hours: clock() - hours * 3600)
            queue.put([task(number, priority=priority)])
    arrived(queue, 4)
    order = [item.task.id for item in queue.lease("a", limit=2) + queue.lease("b", limit=5)]
    assert order == [task(number).id for number in (1, 4, 2, 3)]


def test_the_same_question_is_asked_once(opened: Open) -> None:
    queue = opened()
    queue.put([task(1), task(2)])
    queue.put([task(1), task(1, priority=4.0)])
    arrived(queue, 2)
    first, second = queue.lease("a", limit=10)
    assert {first.task.id, second.task.id} == {task(1).id, task(2).id}
    assert queue.ack(first, passed())
    queue.put([task(1), task(2)])
    assert queue.lease("b", limit=10) == []
    assert queue.ack(second, passed())
    queue.put([task(1), task(2)])
    assert queue.lease("b", limit=10) == []
    assert Counter(item.type for item in queue.events())["decided"] == 2


def test_a_lease_that_ran_out_goes_to_another_and_its_ack_does_not_count(opened: Open) -> None:
    queue = opened(lease=1.0)
    queue.put([task(1)])
    old = queue.lease("a")[0]
    time.sleep(0.6)
    assert queue.extend(old) is not None
    time.sleep(0.6)
    assert queue.lease("b") == []
    time.sleep(0.6)
    new = queue.lease("b")[0]
    assert (new.task, new.attempt) == (old.task, 2)
    assert queue.extend(old) is None
    assert queue.release(old) is False
    assert queue.ack(old, passed()) is False
    assert queue.ack(new, passed("b")) is True
    decided = [item for item in queue.events() if item.type == "decided"]
    assert [(item.resolution.reviewer, item.attempts) for item in decided if item.resolution] == [("b", 2)]


def test_failed_tasks_are_tried_again_and_then_given_up(opened: Open) -> None:
    queue = opened(max_attempts=2)
    queue.put([task(1)])
    assert queue.release(queue.lease("a")[0], failed=False) is True
    assert queue.release(queue.lease("a")[0], reason="no picture") is True
    last = queue.lease("b")[0]
    assert last.attempt == 2
    assert queue.release(last, reason="still no picture") is True
    assert queue.lease("b") == []
    (dead,) = queue.dead()
    assert (dead.task.id, dead.attempts, dead.reason) == (task(1).id, 2, "still no picture")
    assert queue.stats().dead == 1
    assert queue.revive("0" * 32) is False
    assert queue.revive(dead.task.id) is True
    assert queue.dead() == []
    again = queue.lease("a")[0]
    assert again.attempt == 1
    assert queue.ack(again, passed()) is True
    assert [item.type for item in queue.events()] == ["queued", "dead", "revived", "decided"]


def test_leases_that_keep_running_out_end_in_the_dead_letters(opened: Open) -> None:
    queue = opened(lease=0.2, max_attempts=2)
    queue.put([task(1)])
    for _ in range(2):
        assert len(queue.lease("a")) == 1
        time.sleep(0.3)
    assert queue.lease("a") == []
    assert [item.attempts for item in queue.dead()] == [2]


def test_delayed_tasks_wait_and_excluded_reviewers_do_not_get_theirs(opened: Open) -> None:
    queue = opened()
    queue.put([task(1, priority=4.0, excluded=("小王",)), task(2, priority=0.1)])
    (held,) = queue.lease("小王", limit=5)
    assert held.task.id == task(2).id
    assert [item.task.id for item in queue.lease("小", limit=5)] == [task(1).id]
    assert queue.release(held, failed=False, delay=1.0)
    assert queue.lease("a") == []
    time.sleep(1.1)
    assert len(queue.lease("a")) == 1


def test_leases_outlive_their_connection_or_come_back(opened: Open) -> None:
    """A worker's queue object is closed: nothing that it had not resolved is lost."""
    first = opened(lease=1.0)
    first.put([task(k) for k in range(20)])
    held = first.lease("a", limit=5)
    assert first.ack(held[0], passed())
    first.close()
    second = opened(lease=1.0)
    deadline = time.monotonic() + 30
    done = 1
    while done < 20 and time.monotonic() < deadline:
        done += sum(second.ack_all([(item, passed("b")) for item in second.lease("b", limit=7)]))
    assert done == 20
    assert Counter(Counter(item.task.id for item in second.events() if item.type == "decided").values()) == {
        1: 20
    }
