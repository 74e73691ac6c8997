"""From the queue to a better classifier: decided videos become rows, and a new classifier must earn its place."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from mmu.cli import main
from mmu.moderation.learned.store import load
from mmu.moderation.queue.from_report import task_of
from mmu.outcome import Outcome
from mmu.report.schema import Moderation, ModerationHit, Name, Report
from mmu.review.accounts import User
from mmu.review.desk import Desk
from mmu.review.tables import Database
from mmu.review.verdicts import Opinion
from mmu.signals import Signal, Span

LI = User("li", "reviewer", "zh", True)
LEAD = User("wang", "lead", "zh", True)
BETS = ["下注就能赢", "百家乐开局", "老虎机爆分", "押大小", "庄家通杀", "梭哈一把"]
CALM = ["今天去公园散步", "妈妈做的红烧肉", "小猫睡着了", "练习钢琴曲", "学做蛋糕", "周末爬山"]
ENDS = [
    "家人们看过来",
    "第二天的记录",
    "大家觉得呢",
    "晚上八点",
    "一起来吧",
    "新的一期",
    "谢谢观看",
    "下次见",
]


def report_of(folder: Path, number: int, title: str, line: str) -> Report:
    hit = ModerationHit(
        rule="words.illegal", category="illegal", name=Name(zh="违法犯罪", en="Illegal"), severity=4, score=0.7, axis="user",
    )  # fmt: skip
    found = Report(
        id=f"{number:064x}", uri=f"v/{number}.mp4", outcome=Outcome.OK, title=title,
        signals=[Signal(id="t1", kind="text.line", value=line, score=0.9, span=Span(0, 2), source="ocr").to_json()],
        moderation=Moderation(decision="review", policy="default", version="1", category="illegal", priority=2.0, hits=[hit]),
    )  # fmt: skip
    (folder / f"{number}.json").write_text(found.to_json(), "utf-8")
    return found


def decide(desk: Desk, folder: Path, videos: Iterable[tuple[int, str, str, bool]]) -> None:
    """Queue reports of videos, and decide them as a reviewer does."""
    for number, title, line, bad in videos:
        task = task_of(report_of(folder, number, title, line), place=str(folder / f"{number}.json"))
        assert task is not None
        desk.database.put([task])
        lease = desk.next(LI)
        assert lease is not None
        desk.decide(LI, lease.task.id, lease.token, Opinion("block" if bad else "pass"))


def videos(start: int, ends: list[str], *, wrong: bool = False) -> list[tuple[int, str, str, bool]]:
    texts = [(word, end, word in BETS) for end in ends for word in (*BETS, *CALM)]
    return [
        (start + k, f"{word}，{end}", f"{end} {word}", bad != wrong)
        for k, (word, end, bad) in enumerate(texts)
    ]


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    with Database(tmp_path / "review.sqlite") as database:
        yield Desk(database)


def export(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], *more: str
) -> tuple[int, list[dict[str, Any]], str]:
    capsys.readouterr()
    code = main(["review", "--db", str(tmp_path / "review.sqlite"), "export", "--rows", *more])
    out, err = capsys.readouterr()
    return code, [json.loads(line) for line in out.splitlines()], err


def test_the_decision_with_the_most_say_becomes_the_row(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    decide(
        desk,
        tmp_path,
        [(1, "下注就能赢", "百家乐", True), (2, "小猫", "睡着了", False), (3, "押大小", "庄家", True)],
    )
    # a lead overrules the first, and the third is taken back
    task = desk.database.db.execute("SELECT id FROM task WHERE video = ?", (f"{1:064x}",)).fetchone()[0]
    batch = desk.database.db.execute("SELECT batch FROM verdict WHERE task = ?", (task,)).fetchone()[0]
    desk.undo(LI, batch)
    lease = desk.next(LI)
    assert lease is not None
    desk.decide(LI, task, lease.token, Opinion("escalate"))
    lease = desk.next(LEAD, lane="escalated")
    assert lease is not None
    desk.decide(LEAD, lease.task.id, lease.token, Opinion("pass"))
    batch = desk.database.db.execute("SELECT batch FROM verdict WHERE video = ?", (f"{3:064x}",)).fetchone()[
        0
    ]
    desk.undo(LI, batch)
    code, rows, _ = export(tmp_path, capsys, "--safe-label", "正向")
    assert code == 0
    assert [(row["title"], row["OCR"], row["tag"], row["reviewer"]) for row in rows] == [
        ("小猫", "睡着了", "正向", "li"),
        ("下注就能赢", "百家乐", "正向", "wang"),
    ]


def test_what_gives_no_row_is_told(desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    decide(
        desk,
        tmp_path,
        [(1, "下注", "赢", True), (2, "", "", True), (3, "押大小", "庄家", True), (4, "梭哈", "梭", True)],
    )
    (tmp_path / "1.json").unlink()
    report_of(tmp_path, 9, "another video", "x").to_json()
    (tmp_path / "3.json").write_bytes((tmp_path / "9.json").read_bytes())
    code, rows, err = export(tmp_path, capsys)
    assert code == 1
    assert [(row["title"], row["tag"]) for row in rows] == [("梭哈", "违法犯罪")]
    for text in ("1.json", "3.json: the report of another video", "1 left out: it says nothing", "1 rows"):
        assert text in err


@pytest.mark.weights
def test_a_new_classifier_replaces_the_old_one_only_if_it_is_as_good(
    desk: Desk,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    encoder_of_commands: None,
) -> None:
    model, file = tmp_path / "model", tmp_path / "rows.jsonl"

    def train(rows: list[dict[str, Any]]) -> tuple[int, str]:
        file.write_text("\n".join(json.dumps(row, ensure_ascii=False) for row in rows), "utf-8")
        code = main(["policy", "train", str(file), "--out", str(model), "--folds", "0"])
        return code, "".join(capsys.readouterr())

    decide(desk, tmp_path, videos(100, ENDS[:3]))
    rows = export(tmp_path, capsys)[1]
    assert train(rows)[0] == 0
    first = load(model)
    assert len(first.seen) == 36
    # the same rows again: nothing to compare with, and nothing changes
    code, said = train(rows)
    assert code == 2
    assert "0 rows are new to the old classifier" in said
    decide(desk, tmp_path, videos(200, ENDS[3:5]))
    rows = export(tmp_path, capsys)[1]
    code, said = train(rows)
    assert code == 0, said
    assert "on 24 rows that neither had learned from" in said
    second = load(model)
    assert (len(second.seen), second.digest != first.digest) == (60, True)
    assert main(["policy", "test", str(file), "--model", str(model), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["binary_accuracy"] > 0.9
    # somebody turned the labels of the old rows around; the new rows are right, and the old one knows better
    other = {"pass": "违法犯罪", "违法犯罪": "pass"}
    turned = [row | {"tag": other[row["tag"]]} for row in rows]
    decide(desk, tmp_path, videos(300, ENDS[5:7]))
    code, said = train(turned + export(tmp_path, capsys)[1][60:])
    assert code == 1, said
    assert "kept the old classifier" in said
    assert load(model).digest == second.digest
