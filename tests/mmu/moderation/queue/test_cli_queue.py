"""`mmu queue` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from mmu.cli import main
from mmu.moderation.queue import QueueOptions, Task, open_queue
from mmu.moderation.queue.from_report import chosen, task_of
from mmu.outcome import Outcome
from mmu.report.schema import Moderation, ModerationHit, Name, Report


def report(number: int, decision: str = "review", priority: float = 1.0) -> Report:
    hit = ModerationHit(
        rule="words.abuse",
        category="abuse",
        name=Name(zh="辱骂", en="Abuse"),
        severity=3,
        score=0.8,
        axis="user",
    )
    found = Moderation.model_validate(
        {"decision": decision, "policy": "default", "version": "1.0.0", "category": "abuse" if decision != "pass" else None,
         "priority": priority, "hits": [hit] if decision != "pass" else []}
    )  # fmt: skip
    return Report(
        id=f"{number:064x}",
        uri=f"v/{number}.mp4",
        outcome=Outcome.OK,
        title=f"标题 {number}",
        moderation=found,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "reports"
    place.mkdir()
    for number, decision in enumerate(["review", "block", "pass", "review"]):
        (place / f"{number}.json").write_text(
            report(number, decision, priority=number + 0.5).to_json(), "utf-8"
        )
    return place


def call(capsys: pytest.CaptureFixture[str], *args: object) -> tuple[int, list[Any], str]:
    code = main(["queue", *map(str, args)])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def test_put_lease_ack_stats_feed(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    queue = ("--queue", tmp_path / "q.sqlite")
    assert call(capsys, "put", folder, *queue)[:2] == (0, [{"reports": 4, "new": 3, "bad": 0}])
    assert call(capsys, "put", folder, *queue)[1] == [{"reports": 4, "new": 0, "bad": 0}]
    _, (leased,), _ = call(capsys, "lease", "--worker", "li", *queue)
    assert leased["task"]["title"] == "标题 3"
    assert leased["task"]["report"] == str(folder / "3.json")
    assert (leased["task"]["severity"], leased["task"]["confidence"], leased["task"]["rules"]) == (
        3,
        0.8,
        ["words.abuse"],
    )
    resolve = (
        "ack",
        leased["task"]["id"],
        leased["token"],
        "block",
        "--worker",
        "li",
        "--category",
        "abuse",
        *queue,
    )
    assert call(capsys, *resolve)[0] == 0
    code, _, err = call(capsys, *resolve)
    assert code == 1
    assert "not held any more" in err
    _, (other,), _ = call(capsys, "lease", "--worker", "li", *queue)
    assert call(capsys, "release", other["task"]["id"], other["token"], "--worker", "li", *queue)[0] == 0
    (stats,) = call(capsys, "stats", *queue)[1]
    assert {key: stats[key] for key in ("waiting", "leased", "done", "dead")} == {
        "waiting": 2,
        "leased": 0,
        "done": 1,
        "dead": 0,
    }
    feed = call(capsys, "feed", *queue)[1]
    assert [row["type"] for row in feed] == ["queued"] * 3 + ["decided"]
    assert feed[-1]["resolution"]["category"] == "abuse"
    assert call(capsys, "feed", "--after", feed[2]["id"], *queue)[1] == feed[3:]


def test_expected_views_bring_a_video_forward(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    views = tmp_path / "views.csv"
    views.write_text(f"video,views\n{0:064x},9900\nv/1.mp4,999900\n", "utf-8")
    queue = ("--queue", tmp_path / "q.sqlite")
    assert call(capsys, "put", folder, "--reach", views, *queue)[0] == 0
    _, leased, _ = call(capsys, "lease", "--limit", "3", *queue)
    # severity x confidence of the reports are 0.5, 1.5 and 3.5; known views make it 1.0 and 4.5
    assert [round(row["task"]["priority"], 3) for row in leased] == [4.5, 3.5, 1.0]
    for text, message in (
        ("video,views\nx,many\n", ":2: 'many'"),
        ("a,b\n", "columns"),
        ("video,views\nx,-1\n", "'-1'"),
    ):
        views.write_text(text, "utf-8")
        code, _, err = call(capsys, "put", folder, "--reach", views, *queue)
        assert code == 2
        assert message in err


def test_bad_reports_are_named_and_the_rest_goes_in(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.json").write_text("{")
    code, rows, err = call(capsys, "put", folder, "--queue", tmp_path / "q.sqlite")
    assert (code, rows) == (1, [{"reports": 4, "new": 3, "bad": 1}])
    assert "broken.json" in err


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("put", "nowhere"), "no such file"),
        (("put", ".", "--decisions", "maybe"), "maybe"),
        (("put", ".", "--sample-passed", "2"), "from 0 to 1"),
        (("put", ".", "--reach", "none.csv"), "none.csv"),
        (("stats", "--lease", "0"), "lease 0"),
        (("lease", "--limit", "0"), "--limit 0"),
        (("feed", "--after", "x'; DROP TABLE task"), "not an event id"),
        (("webhook", "http://example.com", "--secret-file", "nowhere", "--cursor", "c"), "nowhere"),
    ],
)
def test_bad_input_is_named(args: tuple[str, ...], message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    code, _, err = call(capsys, *args, "--queue", "q.sqlite")
    assert code == 2
    assert message in err


@pytest.mark.parametrize("url", ["amqp://x", "redis://127.0.0.1:1/0", "redis://h/0?name=a%20b"])
def test_a_queue_that_cannot_be_opened_is_named(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, err = call(capsys, "stats", "--queue", url)
    assert code == 2
    assert err.startswith("mmu: ")


def test_another_file_is_not_taken_for_a_queue(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "note.txt").write_text("this is not a database, whatever its name says" * 30)
    code, _, err = call(capsys, "stats", "--queue", tmp_path / "note.txt")
    assert code == 2
    assert "note.txt" in err


def test_moving_between_queues_loses_nothing(
    tmp_path: Path, redis_url: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import redis

    redis.Redis.from_url(redis_url.partition("?")[0]).flushall()
    with open_queue(redis_url, QueueOptions()) as queue:
        queue.put([Task(video=f"{k:064x}", policy="default", priority=k % 4) for k in range(450)])
    target = tmp_path / "q.sqlite"
    assert call(capsys, "move", "--queue", redis_url, "--to", target)[1] == [{"moved": 450}]
    assert call(capsys, "move", "--queue", redis_url, "--to", target)[1] == [{"moved": 0}]
    (stats,) = call(capsys, "stats", "--queue", target)[1]
    assert stats["waiting"] == 450


def test_quality_sample_is_steady_and_of_its_size() -> None:
    passed = [
        report(0, "pass").model_copy(update={"id": f"{k * 2654435761 % 2**256:064x}"}) for k in range(3)
    ]
    assert task_of(passed[0]) is None
    task = task_of(passed[0], sample_passed=1.0)
    assert task is not None
    assert task.lane == "quality"
    import hashlib

    ids = [hashlib.sha256(str(k).encode()).hexdigest() for k in range(20000)]
    share = [video for video in ids if chosen(video, 0.05)]
    assert 850 < len(share) < 1150
    assert set(share) <= {video for video in ids if chosen(video, 0.1)}
