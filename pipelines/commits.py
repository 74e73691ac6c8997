"""What is finished: parts become commits in the ledger, and are folded into the tables.

A row is finished when a part or a table holds it. Parts are found by listing, not only by what
workers say: a worker whose answer was lost has committed all the same, and a part that repeats
rows of another (a worker of a killed job that lived on for a moment) is folded without them.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from mmu.errors import StoreError
from pipelines import fold, fold_plan, merge, parts
from pipelines.config import JobConfig
from pipelines.fold_plan import Plan
from pipelines.ledger import Ledger
from pipelines.storage import Storage
from pipelines.tables import TABLES

#: parts of one fold at most: what a plan names
MOST_PARTS = 2000


class Commits:
    """The ledger of a job, and the parts that wait to be folded."""

    def __init__(self, storage: Storage, ledger: Ledger, config: JobConfig) -> None:
        self.storage = storage
        self.ledger = ledger
        self._config = config
        self._plan = self._new_plan()
        self._size = 0
        #: parts that were taken into the ledger
        self._taken: set[str] = set()
        #: rows that two parts held
        self.repeated = 0
        #: dead letters of earlier runs
        self.dead = 0

    def recover(self, pipeline: str, *, retry: bool = False) -> int:
        """Finish what a killed job left, and fill the ledger with its finished rows.

        Args:
            pipeline: fingerprint; rows of other pipelines are nothing to it.
            retry: dead letters are not finished, they are what is to be done.

        Returns:
            The number of rows of this pipeline that are finished.

        Raises:
            StoreError: the outputs cannot be read.
        """
        self.storage.sweep(parts.FOLDER, fold_plan.FOLDER, merge.FOLDER, *TABLES)
        merge.end_unfinished(self.storage)
        todo, done = fold.load_plans(self.storage)
        for plan in done:
            fold.clean(self.storage, plan)
        for plan in todo:
            fold.execute(self.storage, plan, self._config)
        mark_reports(self.storage, self.ledger, pipeline)
        if not retry:
            self.dead = mark_dead_letters(self.storage, self.ledger, pipeline)
        self.take_parts(pipeline)
        return self.ledger.finished()

    def take_parts(self, pipeline: str) -> int:
        """Take all parts that lie there and are not known yet; returns how many."""
        new = 0
        for name in self.storage.names(parts.FOLDER, ".parquet"):
            if name in self._taken:
                continue
            table = parts.read_part(self.storage, name, ["key", "pipeline"])
            if table is None:
                continue
            made_by = set(table["pipeline"].to_pylist())
            if made_by <= {pipeline}:
                self.take(name, table["key"].to_pylist(), 0)
            else:  # of a job with another pipeline, whose rows are none of ours
                self._plan.parts.append(name)
                self._taken.add(name)
            new += 1
        return new

    def take(self, name: str, keys: list[str], size: int) -> list[str]:
        """Note that a part is there; returns the keys that were finished before."""
        again = self.ledger.finish(keys)
        if again:
            self._plan.drop[name] = again
            self.repeated += len(again)
        self._plan.parts.append(name)
        self._taken.add(name)
        self._size += size
        return again

    def full(self, size: float) -> bool:
        """Whether it is time to fold."""
        return self._size >= size or len(self._plan.parts) >= MOST_PARTS

    def next_plan(self) -> Plan | None:
        """Save and hand out the plan for the parts so far; None when there are none."""
        if not self._plan.parts:
            return None
        plan, self._plan, self._size = self._plan, self._new_plan(), 0
        plan.save(self.storage)
        return plan

    def folded(self, plan: Plan) -> None:
        """Forget the parts of a plan that was executed."""
        self._taken.difference_update(plan.parts)

    @staticmethod
    def _new_plan() -> Plan:
        now = datetime.now(UTC)
        return Plan(f"{now:%Y%m%dT%H%M%S%f}-{secrets.token_hex(4)}", f"{now:%Y-%m-%d}")


def mark_reports(storage: Storage, ledger: Ledger, pipeline: str) -> None:
    """Note the rows of the table `reports` that a pipeline made."""
    for name in storage.names("reports", ".parquet"):
        for batch in batches(storage, name, ["key", "pipeline"]):
            rows = zip(batch["key"].to_pylist(), batch["pipeline"].to_pylist(), strict=True)
            ledger.finish(key for key, made_by in rows if made_by == pipeline)


def mark_dead_letters(storage: Storage, ledger: Ledger, pipeline: str, *, any_pipeline: bool = False) -> int:
    """Note the dead letters of a pipeline, and remove those that something newer replaces.

    A dead letter is replaced by a report of its row, or by a newer dead letter. The ledger must
    hold the reports already.

    Args:
        any_pipeline: also those of other pipelines are replaced (after a retry).

    Returns:
        The number of dead letters of the pipeline that are left.
    """
    left = 0
    for name in reversed(storage.names("dead_letters", ".parquet")):
        table = pa.Table.from_batches(batches(storage, name, None))
        keep = []
        rows = zip(table["key"].to_pylist(), table["pipeline"].to_pylist(), strict=True)
        for key, made_by in reversed(list(rows)):
            replaced = (made_by == pipeline or any_pipeline) and (
                bool(ledger.finish([key])) if made_by == pipeline else ledger.done(key)
            )
            keep.append(not replaced)
            left += made_by == pipeline and not replaced
        keep.reverse()
        if not any(keep):
            storage.remove([name])
        elif not all(keep):
            storage.write(name, parts.to_parquet(table.filter(pa.array(keep))))
    return left


def batches(storage: Storage, name: str, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    """Batches of some columns, or all, of one file of a table.

    Raises:
        StoreError: it cannot be read.
    """
    try:
        with storage.filesystem.open(storage.path(name), "rb") as file:
            yield from pq.ParquetFile(file).iter_batches(8192, columns=columns)
    except (pa.ArrowException, KeyError, ValueError) as error:
        raise StoreError(f"{storage.url}/{name}: not a table of this program: {error}") from error
