"""The driver of a job: gives tasks to workers, counts what comes back, folds parts into tables.

It holds numbers and names only; reports never pass through it.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from mmu.errors import StoreError
from pipelines.commits import Commits
from pipelines.config import JobConfig
from pipelines.fold import execute
from pipelines.fold_plan import Plan
from pipelines.intake import Intake, Sizer
from pipelines.lease import Lease
from pipelines.parts import part_name, write_part
from pipelines.pool import Pool, Slot
from pipelines.progress import Progress
from pipelines.rows import BadRow, Row
from pipelines.shares import Shares, again, divide
from pipelines.storage import Storage
from pipelines.tables import dead_row
from pipelines.worker import Result, Task, result_of_part

#: workers that may die over one row before it is a dead letter
MOST_DEATHS = 5
#: failures to write a part before the job gives up: the place is full or gone
MOST_ERRORS = 3
TICK = 0.5


class Driver:
    """Runs one job from its source to its tables."""

    def __init__(
        self,
        config: JobConfig,
        pool: Pool,
        commits: Commits,
        progress: Progress,
        *,
        tick: Callable[[], None] = lambda: None,
        lease: Lease | None = None,
    ) -> None:
        import ray
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

        self._ray = ray
        self._config = config
        self._pool = pool
        self._commits = commits
        self._progress = progress
        self._tick = tick
        self._lease = lease
        self._urgent: deque[Task] = deque()
        self._shares = Shares()
        # At the end of a task fewer videos are analysed at once: it has more than that.
        least = 1 if config.videos_at_once == 1 else 2 * config.videos_at_once
        self._sizer = Sizer(rows=config.chunk_rows, seconds=config.chunk_seconds, least=least)
        self._folds: dict[Any, Plan] = {}
        self._errors = 0
        # A fold waits for the network and disks more than for a CPU; local sinks are on this node.
        here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
        self._fold: Any = ray.remote(_fold).options(num_cpus=0, max_retries=5, scheduling_strategy=here)

    def run(self, source: Iterable[Row | BadRow]) -> None:
        """Do every row of the source that is not finished.

        Raises:
            ConfigError: the source cannot be read, or workers cannot start.
            StoreError: the outputs cannot be written.
        """
        numbers = self._progress.numbers
        intake = Intake(source, self._commits.ledger, numbers, lookahead=self._config.lookahead)
        try:
            while True:
                intake.fill()
                self._assign(intake)
                busy = [slot for slot in self._pool.slots if slot.running is not None]
                numbers.workers, numbers.busy = len(self._pool.slots), len(busy)
                numbers.workers_most = max(numbers.workers_most, numbers.workers)
                numbers.waiting, numbers.deaths = len(intake) + len(self._urgent), self._pool.deaths
                if intake.empty and not self._urgent and not busy:
                    break
                self._wait(intake)
                if self._commits.full(self._config.fold_mb * 2**20):
                    self._start_fold()
                self._pool.check_alive()
                if self._lease is not None:
                    self._lease.renew()
                self._tick()
        finally:
            intake.close()
        self._finish()

    def _assign(self, intake: Intake) -> None:
        free = [slot for slot in self._pool.slots if slot.free]
        while free:
            task = self._next(intake)
            if task is None:
                if intake.empty:
                    self._pool.shrink()
                return
            # A worker that has decoded a long video need not do so again.
            slot = next((one for one in free if task.rows and one.kept == task.rows[0].key), free[0])
            free.remove(slot)
            slot.task = task
            slot.running = slot.actor.run.remote(task)
        self._pool.grow(len(intake) + len(self._urgent))

    def _next(self, intake: Intake) -> Task | None:
        while self._urgent:
            task = self._urgent.popleft()
            if self._shares.alive(task):
                return task
        return intake.next_task(self._sizer, max(1, len(self._pool.slots)))

    def _wait(self, intake: Intake) -> None:
        slots = {slot.running or slot.starting: slot for slot in self._pool.slots if not slot.free}
        waiting = [*slots, *self._folds]
        if not waiting:
            intake.fill(wait=TICK)
            return
        ready, _ = self._ray.wait(waiting, num_returns=1, timeout=TICK)
        for reference in ready:
            if reference in self._folds:
                self._end_fold(reference)
            elif slots[reference].starting is not None:
                self._pool.started(slots[reference])
            else:
                self._end_task(slots[reference])

    def _end_task(self, slot: Slot) -> None:
        task, reference = slot.task, slot.running
        assert task is not None
        slot.task = slot.running = None
        errors = self._ray.exceptions
        try:
            result: Result = self._ray.get(reference)
        except (errors.RayActorError, errors.WorkerCrashedError, errors.ObjectLostError):
            self._pool.lost(slot)
            found = result_of_part(self._commits.storage, task.name)
            if found is None:
                self._redo(task)
            else:  # it wrote its part and died before it could say so
                self._take(task, found)
        except errors.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            self._errors += 1
            if self._errors >= MOST_ERRORS:
                raise StoreError(f"workers cannot write: {cause}") from error
            self._redo(task)
        else:
            self._errors = 0
            slot.kept = result.kept
            self._take(task, result)

    def _take(self, task: Task, result: Result) -> None:
        if result.keys:
            self._commits.take(part_name(task.name), result.keys, result.size)
            if task.stages is None and task.parts is None:
                self._sizer.learn(len(result.keys), result.bytes, result.seconds)
        self._progress.add(result)
        for row, seconds in result.long:
            self._progress.numbers.split += 1
            shares = divide(self._pool.groups, self._progress.numbers.stages, len(self._pool.slots), seconds)
            self._progress.numbers.windows += sum(share.window is not None for share in shares)
            self._urgent.extend(self._shares.begin(row, shares))
        if task.stages is not None and (last := self._shares.take(result)) is not None:
            self._urgent.appendleft(last)

    def _redo(self, task: Task) -> None:
        if task.deaths + 1 >= MOST_DEATHS and task.stages is not None:
            self._take(task, Result(task.name, unread=f"{MOST_DEATHS} workers died over a share of it"))
            return
        if task.deaths + 1 >= MOST_DEATHS and len(task.rows) == 1:
            reason = f"{MOST_DEATHS} workers died over it"
            row = dead_row(
                task.rows[0],
                code="worker_lost",
                reason=reason,
                pipeline=self._pool.pipeline,
                attempts=MOST_DEATHS,
            )
            write_part(self._commits.storage, task.name, [row])
            found = result_of_part(self._commits.storage, task.name)
            assert found is not None
            self._take(task, found)
            return
        for new in again(task):
            self._shares.rename(task.name, new)
            self._urgent.append(new)

    def _start_fold(self) -> None:
        plan = self._commits.next_plan()
        if plan is not None:
            self._folds[self._fold.remote(self._commits.storage, plan, self._config)] = plan

    def _end_fold(self, reference: Any) -> None:
        plan = self._folds.pop(reference)
        try:
            self._ray.get(reference)
        except self._ray.exceptions.RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            raise StoreError(f"tables cannot be written: {cause}") from error
        except self._ray.exceptions.RayError:  # its worker or node died more often than Ray repeats it
            self._folds[self._fold.remote(self._commits.storage, plan, self._config)] = plan
            return
        self._commits.folded(plan)

    def _finish(self) -> None:
        """Fold what is left: also parts of workers whose answer, or whose job, was lost."""
        self._commits.take_parts(self._pool.pipeline)
        self._start_fold()
        while self._folds:
            ready, _ = self._ray.wait(list(self._folds), num_returns=1, timeout=TICK)
            for reference in ready:
                self._end_fold(reference)
            self._tick()


def _fold(storage: Storage, plan: Plan, config: JobConfig) -> None:
    execute(storage, plan, config)


def wait_for_pipeline(pool: Pool, tick: Callable[[], None]) -> str:
    """Wait for the first worker; the pipeline's fingerprint.

    Raises:
        ConfigError, ModelError: workers cannot start.
    """
    import ray

    while not pool.pipeline:
        starting = {slot.starting: slot for slot in pool.slots if slot.starting is not None}
        ready, _ = ray.wait(list(starting), num_returns=1, timeout=TICK)
        for reference in ready:
            pool.started(starting[reference])
        pool.check_alive()
        tick()
        time.sleep(0)
    return pool.pipeline
