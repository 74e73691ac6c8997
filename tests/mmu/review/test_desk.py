"""What reviewers do: decide once, undo, second opinions, escalation; and what is exported."""

from __future__ import annotations

import json
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from mmu.cli import main
from mmu.moderation.queue import QueueOptions, Task
from mmu.review.accounts import User
from mmu.review.desk import Desk, NotHeldError
from mmu.review.tables import Database
from mmu.review.verdicts import Opinion, export

ANN, BO = User("ann", "reviewer", "en"), User("bo", "reviewer", "en")
LEA = User("lea", "lead", "en")
EVE = User("eve", "auditor", "en")


def task(number: int, **more: object) -> Task:
    data = {"video": f"{number:064x}", "policy": "default", "version": "1", "category": "abuse", "rules": ["words.abuse"], "priority": 1.0}  # fmt: skip
    return Task.model_validate(data | more)


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(Database(tmp_path / "q.sqlite", QueueOptions(lease=30)))


def rows(desk: Desk) -> list[dict[str, str]]:
    return [json.loads(line) for line in export(desk.database)]


def test_a_task_is_decided_once_by_who_holds_it(desk: Desk) -> None:
    desk.database.put([task(1)])
    lease = desk.next(ANN)
    assert lease is not None
    assert desk.next(ANN) == lease, "asking again gives what is held already"
    assert desk.next(BO) is None
    for user, token in ((BO, lease.token), (ANN, "0" * 32)):
        with pytest.raises(NotHeldError):
            desk.decide(user, lease.task.id, token, Opinion("block"))
    desk.decide(ANN, lease.task.id, lease.token, Opinion("block", "abuse", rules={"words.abuse": True}, tags={"cat": False}, missing=("dog",)))  # fmt: skip
    with pytest.raises(NotHeldError):
        desk.decide(ANN, lease.task.id, lease.token, Opinion("pass"))
    assert [(r["kind"], r["subject"], r["verdict"]) for r in rows(desk)] == [
        ("decision", "abuse", "right"),
        ("rule", "words.abuse", "right"),
        ("tag", "cat", "wrong"),
        ("tag", "dog", "missing"),
    ]
    assert rows(desk)[0]["video"] == task(1).video
    assert rows(desk)[0]["decision"] == "block"


def test_a_lease_that_ran_out_decides_nothing(tmp_path: Path) -> None:
    desk = Desk(Database(tmp_path / "q.sqlite", QueueOptions(lease=0.1)))
    desk.database.put([task(1)])
    lease = desk.next(ANN)
    assert lease is not None
    time.sleep(0.15)
    with pytest.raises(NotHeldError):
        desk.decide(ANN, lease.task.id, lease.token, Opinion("pass"))
    assert rows(desk) == []


def test_many_reviewers_at_once_decide_each_task_once(desk: Desk) -> None:
    desk.database.put([task(k) for k in range(60)])

    def work(number: int) -> int:
        user, done = User(f"u{number}", "reviewer", "en"), 0
        while (lease := desk.next(user)) is not None:
            desk.decide(user, lease.task.id, lease.token, Opinion("pass"))
            done += 1
        return done

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(work, range(6))) == 60
    assert Counter(Counter(r["video"] for r in rows(desk)).values()) == {1: 60}


def test_undo_gives_the_task_back_and_the_verdict_does_not_stand(desk: Desk) -> None:
    desk.database.put([task(1)])
    lease = desk.next(ANN)
    assert lease is not None
    batch = desk.decide(ANN, lease.task.id, lease.token, Opinion("pass"), second=True)
    for user in (BO, EVE):
        with pytest.raises(NotHeldError, match="not_yours"):
            desk.undo(user, batch)
    assert desk.undo(ANN, batch) == lease.task.id
    assert rows(desk) == []
    assert desk.next(BO) is None, "the second opinion that nobody began is gone"
    with pytest.raises(NotHeldError):
        desk.undo(ANN, batch)
    again = desk.next(ANN)
    assert again is not None
    desk.decide(ANN, again.task.id, again.token, Opinion("block"), second=True)
    assert [r["verdict"] for r in rows(desk)] == ["right"]
    second = desk.next(BO)
    assert second is not None
    assert second.task.lane == "second"
    with pytest.raises(NotHeldError, match="followed"):
        desk.undo(LEA, str(desk.database.db.execute("SELECT batch FROM standing").fetchone()[0]))
    assert [event.type for event in desk.database.events()][:3] == ["queued", "decided", "queued"]


def test_an_old_decision_stays(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.database.put([task(1)])
    lease = desk.next(ANN)
    assert lease is not None
    batch = desk.decide(ANN, lease.task.id, lease.token, Opinion("pass"))
    monkeypatch.setattr("mmu.review.desk.UNDO", -1.0)
    with pytest.raises(NotHeldError, match="too_old"):
        desk.undo(LEA, batch)


def test_second_opinions_are_by_others_and_disagreement_goes_to_a_lead(tmp_path: Path) -> None:
    desk = Desk(Database(tmp_path / "q.sqlite"), second=1.0)
    desk.database.put([task(1), task(2)])
    for decision in ("pass", "block"):
        lease = desk.next(ANN)
        assert lease is not None
        desk.decide(ANN, lease.task.id, lease.token, Opinion(decision))  # type: ignore[arg-type]
    assert desk.next(ANN) is None
    first = {r["video"]: r["decision"] for r in rows(desk)}
    while (lease := desk.next(BO)) is not None:
        assert lease.task.lane == "second"
        desk.decide(BO, lease.task.id, lease.token, Opinion("pass"))
    assert desk.next(BO) is None
    disputed = desk.next(LEA)
    assert disputed is not None
    assert disputed.task.lane == "escalated"
    assert first[disputed.task.video] == "block"
    desk.decide(LEA, disputed.task.id, disputed.token, Opinion("block"))
    assert desk.next(LEA) is None


def test_escalated_tasks_are_for_leads_and_claims_for_those_who_may(desk: Desk) -> None:
    desk.database.put([task(1)])
    with pytest.raises(NotHeldError):
        desk.claim(EVE, task(1).id)
    lease = desk.claim(ANN, task(1).id)
    with pytest.raises(NotHeldError, match="taken"):
        desk.claim(BO, task(1).id)
    desk.decide(ANN, lease.task.id, lease.token, Opinion("escalate"))
    escalated = Task.model_validate(task(1).model_dump(exclude={"id"}) | {"lane": "escalated"}).id
    for user in (ANN, BO):
        assert desk.next(user) is None
        with pytest.raises(NotHeldError):
            desk.claim(user, escalated)
    assert desk.claim(LEA, escalated).task.lane == "escalated"
    assert rows(desk) == [], "escalating is no verdict"


def test_quality_checks_say_what_the_machine_missed(desk: Desk) -> None:
    desk.database.put([task(1, lane="quality", decision="pass", category="", rules=[]), task(2, lane="quality", decision="pass", category="")])  # fmt: skip
    for decision in ("block", "pass"):
        lease = desk.next(ANN)
        assert lease is not None
        desk.decide(ANN, lease.task.id, lease.token, Opinion(decision))  # type: ignore[arg-type]
    assert [(r["subject"], r["verdict"]) for r in rows(desk)] == [
        ("violation", "missing"),
        ("violation", "right"),
    ]


def test_orders(desk: Desk) -> None:
    desk.database.put([task(1, priority=3.0, confidence=0.9), task(2, priority=0.1, confidence=0.52), task(3, priority=1.0, confidence=0.1)])  # fmt: skip
    got = []
    for order, user in (("unsure", ANN), ("priority", BO), ("age", LEA)):
        lease = desk.next(user, order=order)
        assert lease is not None
        got.append(lease.task.priority)
    assert got == [0.1, 3.0, 1.0]


def test_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import io

    path = tmp_path / "q.sqlite"

    def call(*args: str, typed: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        code = main(["review", "--db", str(path), *args])
        return (code, *capsys.readouterr())

    assert call("export")[0] == 2
    assert call("--root", str(tmp_path))[2].strip().endswith("mmu review user add NAME --role admin")
    add = ("user", "add", "li", "--role", "admin", "--password-stdin")
    assert "10 to 200" in call(*add, typed="short\n")[2]
    assert call(*add, typed="a long enough password\n")[0] == 0
    assert "exists" in call(*add, typed="a long enough password\n")[2]
    assert "last active admin" in call("user", "disable", "li")[2]
    assert call("user", "list")[1] == "li\tadmin\tactive\n"
    assert call("user", "change", "nobody", "--role", "lead")[0] == 2
    assert call("--root", str(tmp_path / "nowhere"))[0] == 2
    assert call("--second", "7")[0] == 2
    assert call("--port", "0")[0] == 2
    assert call("check")[1] == "1 rows, whole\n"
    assert call("export")[:2] == (0, "")
    path.write_bytes(b"no database at all" * 100)
    assert call("check")[0] == 2
    assert main(["review", "--db", "redis://host/0"]) == 2
