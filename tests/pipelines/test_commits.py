"""The log, the plans and the tables: a kill between any two steps loses and repeats nothing."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mmu.outcome import ErrorItem, Outcome
from mmu.report.schema import Report
from pipelines import fold
from pipelines.commits import Commits, mark_dead_letters
from pipelines.config import JobConfig
from pipelines.ledger import Ledger
from pipelines.parts import part_name, read_part, write_part
from pipelines.rows import BadRow, Row
from pipelines.sinks import tell_sinks
from pipelines.storage import Storage
from pipelines.tables import bad_row, dead_row, report_row
from tests.pipelines.kills import killed_before

pq = pytest.importorskip("pyarrow.parquet")
SIGNAL: dict[str, Any] = {
    "id": "text.line:0",
    "kind": "text.line",
    "value": "你好",
    "score": 0.5,
    "span": [0.0, 1.5],
    "box": [1.0, 2.0, 3.0, 4.0],
    "track": None,
    "source": "test",
    "attributes": {"role": "title"},
}


def good(name: str, signals: int = 2) -> dict[str, Any]:
    found = [{**SIGNAL, "id": f"text.line:{number}"} for number in range(signals)]
    return report_row(
        Row(name), Report(id="ab" * 32, uri=name, outcome=Outcome.OK, signals=found, pipeline="p")
    )


def dead(name: str, reason: str = "broken", pipeline: str = "p") -> dict[str, Any]:
    return dead_row(Row(name), code="x", reason=reason, pipeline=pipeline)


class Run:
    """One run of a job over the same outputs, without Ray."""

    def __init__(self, out: Path) -> None:
        self.config = JobConfig(src="unused", out=str(out))
        self.storage = Storage(str(out))
        self.ledger = Ledger()
        self.commits = Commits(self.storage, self.ledger, self.config)

    def commit(self, task: str, rows: list[dict[str, Any]]) -> None:
        size = write_part(self.storage, task, rows)
        self.commits.take(part_name(task), [row["key"] for row in rows], size)

    def fold(self) -> None:
        plan = self.commits.next_plan()
        if plan is not None:
            fold.execute(self.storage, plan, self.config)
            self.commits.folded(plan)


def table(out: Path, name: str) -> list[dict[str, Any]]:
    return pq.read_table(out / name).to_pylist() if (out / name).exists() else []


def uris(out: Path, name: str) -> list[str]:
    return sorted(row["uri"] for row in table(out, name))


def test_parts_become_tables(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.commit("t1", [good("a", 3), dead("b")])
    run.commit("t2", [good("c", 0), bad_row(BadRow("list.csv:3", "no uri", "{}"), "p")])
    run.fold()
    assert uris(tmp_path, "reports") == ["a", "c"]
    assert uris(tmp_path, "dead_letters") == ["b", "list.csv:3"]
    signals = table(tmp_path, "signals")
    assert len(signals) == 3
    assert {row["key"] for row in signals} == {Row("a").key}
    assert (signals[0]["value"], signals[0]["end"], signals[0]["h"]) == ("你好", 1.5, 4.0)
    assert not list((tmp_path / "_log").iterdir())
    assert not list((tmp_path / "_plans").iterdir())
    meta = pq.read_schema(next((tmp_path / "reports").rglob("*.parquet"))).metadata
    assert meta[b"mmu.schema"] == b"mmu.tables/2"


def test_embeddings_stand_apart(tmp_path: Path) -> None:
    vector = base64.b64encode(np.array([0.5, -1.0], "<f2").tobytes()).decode()
    picture = {**SIGNAL, "id": "image.embedding:0", "kind": "image.embedding", "embedding": vector}
    signals = [{**SIGNAL, "embedding": vector}, picture]
    report = Report(id="ab" * 32, uri="a", outcome=Outcome.OK, signals=signals, pipeline="p")
    run = Run(tmp_path)
    run.commit("t1", [report_row(Row("a"), report)])
    run.fold()
    rows = [(row["of"], row["subject"], row["vector"]) for row in table(tmp_path, "embeddings")]
    assert rows == [("signal", name, [0.5, -1.0]) for name in ("text.line:0", "image.embedding:0")]
    # What a picture looks like stays in the report; what may identify a person does not.
    kept = json.loads(table(tmp_path, "reports")[0]["report"])["signals"]
    assert ["embedding" in signal for signal in kept] == [False, True]


def test_pandas_and_duckdb_read_the_tables(tmp_path: Path) -> None:
    import pandas as pd

    duckdb = pytest.importorskip("duckdb")
    run = Run(tmp_path)
    run.commit("t1", [good("a"), good("b"), dead("c")])
    run.fold()
    frame = pd.read_parquet(tmp_path / "reports")
    assert list(frame["outcome"]) == ["ok", "ok"]
    assert "date" in frame.columns
    query = f"SELECT category, count(*) FROM '{tmp_path}/reports/**/*.parquet' GROUP BY 1"
    assert duckdb.sql(query).fetchall() == [(None, 2)]


def test_sinks_take_a_fold_twice(tmp_path: Path) -> None:
    from mmu.memory.memory import Memory
    from mmu.moderation.queue import open_queue
    from mmu.report.schema import Moderation

    run = Run(tmp_path / "out")
    sinks = {"queue": str(tmp_path / "queue.sqlite"), "memory": str(tmp_path / "memory")}
    config = run.config.model_copy(update=sinks)
    reports = []
    for number, decision in enumerate(("pass", "review", "block")):
        found = Moderation(decision=decision, policy="default", version="1", priority=1.0)
        reports.append(Report(id=f"{number:064x}", uri=f"{number}.mp4", outcome=Outcome.OK, moderation=found))
    run.commit("t1", [*(report_row(Row(report.uri), report) for report in reports), dead("x")])
    plan = run.commits.next_plan()
    assert plan is not None
    table_of = fold.split(read_part(run.storage, plan.parts[0]))
    for _ in range(2):
        tell_sinks([table_of["reports"]], config)
    fold.execute(run.storage, plan, config)
    with open_queue(sinks["queue"]) as queue:
        assert {lease.task.video for lease in queue.lease("me", limit=9)} == {reports[1].id, reports[2].id}
    with Memory(Path(sinks["memory"]), create=False) as memory:
        assert all(memory.video_keys(report.id) == [report.id] for report in reports)


def test_a_failed_report_is_a_dead_letter() -> None:
    item = ErrorItem(where="media", code="empty_file", message="empty")
    row = report_row(Row("a"), Report(id="", uri="a", outcome=Outcome.FAILED, errors=[item]))
    assert row["dead"]
    assert (row["code"], row["reason"], row["stage"]) == ("empty_file", "empty", "media")


@pytest.mark.parametrize("step", range(1, 12))
def test_a_kill_before_any_write_or_removal_of_a_fold(tmp_path: Path, step: int) -> None:
    run = Run(tmp_path)
    run.commit("t1", [good("a"), dead("b")])
    run.commit("t2", [good("c")])
    killed, steps = killed_before(step, run.fold)
    assert killed == (step < 10), f"{steps} steps"
    again = Run(tmp_path)
    assert again.commits.recover("p") == 3
    assert again.ledger.meet(Row("a").key) is None
    assert again.ledger.meet(Row("new").key) is True
    again.commit("t3", [good("d")])
    again.fold()
    assert uris(tmp_path, "reports") == ["a", "c", "d"]
    assert uris(tmp_path, "dead_letters") == ["b"]
    assert len(table(tmp_path, "signals")) == 6


def test_a_worker_of_a_killed_job_that_lives_on_repeats_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.commit("t1", [good("a"), good("b")])
    run.fold()
    write_part(run.storage, "late", [good("b"), good("c")])  # its job is gone
    again = Run(tmp_path)
    assert again.commits.recover("p") == 3
    write_part(again.storage, "later", [good("c"), good("d")])
    again.commits.take_parts("p")
    again.fold()
    assert uris(tmp_path, "reports") == ["a", "b", "c", "d"]
    assert len(table(tmp_path, "signals")) == 8
    assert again.commits.repeated == 2


def test_another_pipeline_starts_from_nothing(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.commit("t1", [good("a"), dead("b")])
    run.fold()
    assert Run(tmp_path).commits.recover("other") == 0


def test_dead_letters_that_something_newer_replaces(tmp_path: Path) -> None:
    run = Run(tmp_path)
    run.commit("t1", [dead("a"), dead("b", "first"), dead("c"), dead("d", pipeline="old")])
    run.fold()
    retry = Run(tmp_path)
    assert retry.commits.recover("p", retry=True) == 0
    retry.commit("t2", [good("a"), dead("b", "second"), good("d")])
    retry.fold()
    again = Run(tmp_path)
    again.commits.recover("p")
    assert again.commits.dead == 2
    assert {(row["uri"], row["reason"]) for row in table(tmp_path, "dead_letters")} == {
        ("b", "second"),
        ("c", "broken"),
        ("d", "broken"),
    }
    with Ledger() as ledger:
        ledger.finish([Row("a").key, Row("d").key])
        mark_dead_letters(again.storage, ledger, "p", any_pipeline=True)
    assert uris(tmp_path, "dead_letters") == ["b", "c"]


def test_half_written_files_are_swept_and_others_left(tmp_path: Path) -> None:
    (tmp_path / "_log").mkdir()
    (tmp_path / "_log" / ".x.parquet.123.0123abcd").write_bytes(b"half")
    (tmp_path / "_log" / ".keep").write_bytes(b"mine")
    Run(tmp_path).commits.recover("p")
    assert [path.name for path in (tmp_path / "_log").iterdir()] == [".keep"]
