"""Several videos at once in one worker: the same rows, and each pays for itself alone."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("pyarrow")

from benchmarks.tiny import write_tiny
from pipelines.config import JobConfig
from pipelines.intake import Intake, Sizer
from pipelines.ledger import Ledger
from pipelines.parts import part_name, read_part
from pipelines.progress import Numbers
from pipelines.rows import Row
from pipelines.storage import Storage
from pipelines.worker import Task, Worker
from tests.pipelines.conftest import write_crash_stage

#: as long as a busy machine needs
LONG = 300.0


def of(folder: Path, *names: str) -> list[Row]:
    """Rows of tiny clips, written where they are not there yet."""
    for seed, name in enumerate(names):
        if not (path := folder / f"{name}.mp4").exists():
            write_tiny(path, seed=seed)
    return [Row(str(folder / f"{name}.mp4")) for name in names]


class Job:
    """A worker without Ray that analyses up to three videos at once, and the rows that it wrote."""

    def __init__(self, out: Path) -> None:
        config = {"src": "in", "out": str(out), "stages": ["shots", "crash"], "videos_at_once": 3}
        self.worker = Worker({**config, "video_seconds": LONG})
        self.storage = Storage(str(out))
        self.tasks = 0

    def rows(self, rows: list[Row]) -> dict[str, dict[str, Any]]:
        """Rows of one task, by the names of their files."""
        self.tasks += 1
        task = Task(f"task{self.tasks}", rows=rows)
        result = self.worker.run(task)
        table = read_part(self.storage, part_name(task.name))
        assert table is not None
        found = {Path(row["uri"]).stem: row for row in table.to_pylist()}
        assert len(found) == table.num_rows == len(result.keys)
        return found


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Job]:
    place = tmp_path_factory.mktemp("together")
    with pytest.MonkeyPatch.context() as patch:
        for name, value in write_crash_stage(place).items():
            patch.setenv(name, value)
        made = Job(place / "out")
        yield made
        made.worker.stop()


def without_times(row: dict[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in row.items() if name not in ("stages", "finished_at")}
    if row["report"]:
        kept["report"] = json.loads(row["report"])
        for stage in kept["report"]["stages"]:
            del stage["seconds"]
    return kept


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_three_at_once_give_the_rows_of_one_after_the_other(tmp_path: Path, job: Job) -> None:
    rows = of(tmp_path, "a", "b")
    (tmp_path / "broken.mp4").write_bytes(b"not a video at all")
    rows.insert(1, Row(str(tmp_path / "broken.mp4")))
    together = job.rows(rows)
    assert list(together) == ["a", "broken", "b"]
    assert [row["code"] for row in together.values() if row["dead"]] == ["not_media"]
    for row in rows:
        ((name, alone),) = job.rows([row]).items()
        assert without_times(together[name]) == without_times(alone)
    # They get past the stage only if all three are in it.
    meeting = job.rows(of(tmp_path, "meet0", "meet1", "meet2"))
    assert [row["outcome"] for row in meeting.values()] == ["ok", "ok", "ok"]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_video_that_takes_too_long_stops_all_that_are_under_way(tmp_path: Path, job: Job) -> None:
    isolated = job.worker._isolated
    requests = [{"op": "analyze", "row": row.to_json()} for row in of(tmp_path, "hang0", "hang1")]
    assert isolated.ask_together(requests, 0.5, at_once=2) == [None, None]
    assert isolated.pid is None


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_crash_costs_the_one_that_crashes_and_not_those_beside_it(tmp_path: Path, job: Job) -> None:
    found = job.rows(of(tmp_path, "stay0", "stay1", "mine", "good0", "good1"))
    assert {name: (row["dead"], row["outcome"], row["attempts"]) for name, row in found.items()} == {
        "stay0": (False, "ok", 1),
        "stay1": (False, "ok", 1),
        "mine": (True, None, 2),
        "good0": (False, "ok", 1),
        "good1": (False, "ok", 1),
    }
    assert found["mine"]["code"] == "native_crash"
    assert "SIGSEGV" in found["mine"]["reason"]


def test_a_task_has_work_for_all_that_run_at_once() -> None:
    def sizes(least: int, rows: int, workers: int) -> list[int]:
        size = Sizer(rows=8, seconds=1.0, least=least)
        size.learn(1, 0, 5.0)  # each takes longer than a task should
        with Ledger() as ledger:
            intake = Intake((Row(f"{n}.mp4") for n in range(rows)), ledger, Numbers(), lookahead=100)
            while not intake._numbers.complete:
                intake.fill(wait=0.1)
            out = []
            while (task := intake.next_task(size, workers)) is not None:
                out.append(len(task.rows))
            return out

    assert sizes(1, 4, 1) == [1, 1, 1, 1]
    assert sizes(3, 10, 1) == [3, 3, 3, 1]
    assert sizes(3, 4, 2) == [2, 1, 1], "the last rows are for all workers"
    assert sizes(99, 10, 1) == [8, 2]


def test_what_a_worker_with_several_videos_asks_for() -> None:
    from pipelines.costs import VIDEO_MB
    from pipelines.pool import resources_of

    plain = JobConfig(src="in", out="out", stages=["shots"], cpus=4)
    several = plain.model_copy(update={"videos_at_once": 3})
    assert (plain.threads, several.threads) == (4, 1)
    grown = (resources_of(several)["memory"] - resources_of(plain)["memory"]) / 2**20
    assert grown == 2 * VIDEO_MB
    assert resources_of(several.model_copy(update={"memory_mb": 500}))["memory"] == 500 * 2**20
