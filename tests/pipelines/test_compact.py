"""Compaction: fewer files, the same rows, whenever it is killed; and tables of other versions."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from mmu.errors import StoreError
from pipelines import tables
from pipelines.commits import Commits
from pipelines.compact import compact, main
from pipelines.fold import split
from pipelines.lease import Lease
from pipelines.ledger import Ledger
from pipelines.merge import FOLDER
from pipelines.parts import part_name, to_parquet, write_part
from pipelines.rows import Row
from pipelines.storage import Storage
from tests.pipelines.conftest import ROOT
from tests.pipelines.kills import Killed, killed_before
from tests.pipelines.test_commits import Run, dead, good, table, uris

pa = pytest.importorskip("pyarrow")
pq = pytest.importorskip("pyarrow.parquet")
BIG = 2**30
#: kills its own process before the write or removal of a given number
SUICIDE = """
import os, signal, sys
from pipelines.storage import Storage
from pipelines.compact import main
steps = int(sys.argv[2])
for name in ("write", "remove"):
    def wrapped(self, *rest, real=getattr(Storage, name)):
        global steps
        steps -= bool(rest[0]) and rest[0] != "_job.json"  # the lease is renewed at any time
        if steps == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        real(self, *rest)
    setattr(Storage, name, wrapped)
sys.exit(main(["--out", sys.argv[1]]))
"""


def runs(out: Path, number: int = 4) -> None:
    """Tables as several short runs leave them."""
    run = Run(out)
    for one in range(number):
        run.commit(f"t{one}", [good(f"a{one}", signals=one), dead(f"b{one}")])
        run.fold()


def content(out: Path) -> dict[str, list[str]]:
    return {name: sorted(map(str, table(out, name))) for name in tables.TABLES}


def files(out: Path, name: str) -> list[Path]:
    return sorted((out / name).rglob("*.parquet"))


def test_small_files_become_one_and_rows_stay(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runs(tmp_path)
    before = content(tmp_path)
    assert main(["--out", str(tmp_path), "--dry-run"]) == 0
    assert len(files(tmp_path, "reports")) == 4
    assert main(["--out", str(tmp_path)]) == 0
    assert [len(files(tmp_path, name)) for name in ("reports", "dead_letters", "signals")] == [1, 1, 1]
    assert content(tmp_path) == before
    meta = pq.read_schema(files(tmp_path, "reports")[0]).metadata
    assert meta[b"mmu.schema"] == b"mmu.tables/2"
    assert not list((tmp_path / FOLDER).iterdir())
    assert "11 files became 3" in capsys.readouterr().out
    assert main(["--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out == "nothing to merge\n"
    assert Run(tmp_path).commits.recover("p") == 8


def test_files_that_are_large_enough_stay(tmp_path: Path) -> None:
    runs(tmp_path)
    sizes = [path.stat().st_size for path in files(tmp_path, "reports")]
    compact(str(tmp_path), date=None, target=min(sizes))
    assert len(files(tmp_path, "reports")) == 4
    compact(str(tmp_path), date=None, target=2 * max(sizes) + 2)
    assert len(files(tmp_path, "reports")) == 2


def test_another_date_and_another_schema_are_left_alone(tmp_path: Path) -> None:
    runs(tmp_path, 3)
    compact(str(tmp_path), date="2020-01-01", target=BIG)
    assert len(files(tmp_path, "reports")) == 3
    _, second, _ = files(tmp_path, "reports")
    older = pq.read_table(second, partitioning=None).drop_columns(["schema_version"])
    old_meta = {b"mmu.schema": b"mmu.tables/1"}
    pq.write_table(older.replace_schema_metadata(old_meta), second)
    compact(str(tmp_path), date=None, target=BIG)
    assert second in files(tmp_path, "reports")
    assert len(files(tmp_path, "reports")) == 2


@pytest.mark.parametrize("step", range(1, 20))
def test_a_kill_before_any_write_or_removal(tmp_path: Path, step: int) -> None:
    runs(tmp_path, 3)
    before = content(tmp_path)
    killed, steps = killed_before(step, lambda: compact(str(tmp_path), date=None, target=BIG))
    assert killed == (step <= steps)
    # A job ends what was begun; so does the next compaction.
    if step % 2:
        assert Run(tmp_path).commits.recover("p") == 6
    else:
        compact(str(tmp_path), date=None, target=BIG, takeover=True)
    assert content(tmp_path) == before
    assert not list((tmp_path / FOLDER).glob("*.json"))
    compact(str(tmp_path), date=None, target=BIG, takeover=True)
    assert content(tmp_path) == before
    assert len(files(tmp_path, "reports")) == 1


def test_files_of_a_killed_fold_are_left_to_the_next_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs(tmp_path, 3)
    run = Run(tmp_path)
    run.commits.recover("p")
    run.commit("t9", [good("late"), dead("too late")])

    def killed(*_: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr("pipelines.fold.tell_sinks", killed)  # after the tables are written
        with pytest.raises(Killed):
            run.fold()
    assert len(files(tmp_path, "reports")) == 4
    compact(str(tmp_path), date=None, target=BIG)
    assert len(files(tmp_path, "reports")) == 2
    assert Run(tmp_path).commits.recover("p") == 8
    assert uris(tmp_path, "reports") == ["a0", "a1", "a2", "late"]
    assert uris(tmp_path, "dead_letters") == ["b0", "b1", "b2", "too late"]


@pytest.mark.parametrize("step", [2, 3, 6])
def test_sigkill_and_start_again(tmp_path: Path, step: int) -> None:
    runs(tmp_path, 3)
    before = content(tmp_path)
    command = [sys.executable, "-c", SUICIDE, str(tmp_path), str(step)]
    assert subprocess.run(command, cwd=ROOT, capture_output=True).returncode == -signal.SIGKILL
    assert list((tmp_path / FOLDER).glob("*.json"))
    # The dead process still holds the place, and gives way.
    assert main(["--out", str(tmp_path)]) == 0
    assert content(tmp_path) == before
    assert len(files(tmp_path, "reports")) == 1


def test_the_order_of_dead_letters_is_kept(tmp_path: Path) -> None:
    run = Run(tmp_path)
    for number, reason in enumerate(("first", "second", "third")):
        write_part(run.storage, f"t{number}", [dead("a", reason)])
        run.commits.take(part_name(f"t{number}"), [], 1)
        run.fold()
    compact(str(tmp_path), date=None, target=BIG)
    assert [row["reason"] for row in table(tmp_path, "dead_letters")] == ["first", "second", "third"]
    with Ledger() as ledger:
        assert Commits(run.storage, ledger, run.config).recover("p") == 1
    assert [row["reason"] for row in table(tmp_path, "dead_letters")] == ["third"]


def test_wrong_usage_exits_with_2(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments, message in (
        (["--out", str(tmp_path)], "no tables in"),
        (["--out", str(tmp_path), "--date", "2026-13-01"], "expected a date as YYYY-MM-DD"),
        (["--out", str(tmp_path), "--target-mb", "0"], "outside the allowed range"),
        (["--out", "warp://x"], "cannot open warp://x"),
    ):
        assert main(arguments) == 2
        assert message in capsys.readouterr().err
    runs(tmp_path, 2)
    with Lease(Storage(str(tmp_path))):
        assert main(["--out", str(tmp_path)]) == 2
    assert "wait for it, or give --takeover" in capsys.readouterr().err
    files(tmp_path, "reports")[0].write_bytes(b"torn")
    assert main(["--out", str(tmp_path)]) == 2
    assert "not a readable Parquet file" in capsys.readouterr().err


def test_older_parts_and_tables_are_read_and_newer_ones_refused(tmp_path: Path) -> None:
    import pandas as pd

    run = Run(tmp_path)
    part = pa.Table.from_pylist([good("old", 2), dead("older")], schema=tables.PART)
    older = part.drop_columns(["schema_version", "priority"]).replace_schema_metadata(
        {"mmu.schema": "mmu.tables/1"}
    )
    run.storage.write(part_name("t1"), to_parquet(older))
    assert run.commits.take_parts("p") == 1
    run.fold()
    run.commit("t2", [good("new", 1)])
    run.fold()
    frame = pd.read_parquet(tmp_path / "reports").sort_values("uri")
    assert list(frame["schema_version"]) == [2, 1]
    assert sorted(row["schema_version"] for row in table(tmp_path, "signals")) == [1, 1, 2]
    assert uris(tmp_path, "dead_letters") == ["older"]
    newer = part.append_column("mood", pa.array(["calm", "calm"])).replace_schema_metadata(
        {"mmu.schema": "mmu.tables/3"}
    )
    with pytest.raises(StoreError, match=r"newer version \(mmu.tables/3; this one reads up to 2\)"):
        split(newer)
    with pytest.raises(StoreError, match="not a table of this program"):
        split(part.replace_schema_metadata({}))


def test_readers_of_one_version_take_tables_of_another(tmp_path: Path) -> None:
    """Finished rows of every version count; columns that a reader does not know do no harm."""
    import duckdb

    run = Run(tmp_path)
    for number in range(3):
        run.commit(f"t{number}", [good(f"a{number}")])
        run.fold()
    first, _, third = files(tmp_path, "reports")
    old = pq.read_table(first, partitioning=None).drop_columns(["schema_version", "priority"])
    pq.write_table(old.replace_schema_metadata({b"mmu.schema": b"mmu.tables/1"}), first)
    new = pq.read_table(third, partitioning=None).append_column("mood", pa.array(["calm"]))
    pq.write_table(new.replace_schema_metadata({b"mmu.schema": b"mmu.tables/3"}), third)
    again = Run(tmp_path)
    assert again.commits.recover("p") == 3
    assert again.ledger.meet(Row("a2").key) is None
    query = f"SELECT uri, schema_version, mood FROM read_parquet('{tmp_path}/reports/**/*.parquet', union_by_name = true) ORDER BY uri"
    assert duckdb.sql(query).fetchall() == [("a0", None, None), ("a1", 2, None), ("a2", 2, "calm")]
