"""Batches of rows from several threads: what one video does not fill, several do.

Leader and followers: of the threads that want rows run, one runs the next batch, with rows of its own and of
others; the rest sleep until theirs are done or the lead is free. There is no thread behind it, and a network
is never entered by two threads at once.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from numpy.typing import NDArray

from models.errors import ModelError

logger = logging.getLogger(__name__)

#: seconds that a batch which is not full waits for rows of threads that are at work and may bring some
WAIT = 0.005

Forward = Callable[[Any], Sequence[Any]]
Rows = Sequence[NDArray[Any]]


@dataclass(eq=False, slots=True)
class _Call:
    """Rows that one thread wants run, all of one shape and type."""

    forward: Forward
    rows: Rows
    batch: int
    results: list[Any] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    error: Exception | None = None
    #: run apart from others, since a batch with its rows failed
    alone: bool = False

    @property
    def left(self) -> int:
        return 0 if self.error is not None else len(self.rows) - len(self.results)

    def next(self, count: int) -> Rows:
        done = len(self.results)
        return self.rows[done : done + count]

    def mixes_with(self, other: _Call) -> bool:
        mine, its = self.rows[0], other.rows[0]
        return (
            not (self.alone or other.alone)
            and self.forward == other.forward
            and self.batch == other.batch
            and mine.shape == its.shape
            and mine.dtype == its.dtype
        )


class Batcher:
    """Runs rows of any number of threads through one network, batch by batch."""

    def __init__(
        self,
        run: Callable[[Forward, list[NDArray[Any]]], Sequence[Any]],
        is_full: Callable[[Exception], bool],
        free: Callable[[], None],
        *,
        device: str,
        mixed: bool = True,
        wait: float = WAIT,
    ) -> None:
        """Nothing runs yet.

        Args:
            run: results of a network on rows, one each.
            is_full: whether an error says that memory ran out.
            free: gives unused memory of the device back.
            device: its name in messages.
            mixed: whether rows of different threads may share a batch.
            wait: longest time, in seconds, that a batch which is not full waits for others' rows.
        """
        self._run, self._is_full, self._free = run, is_full, free
        self._device, self._mixed, self._wait = device, mixed, wait
        self._changed = threading.Condition()
        self._calls: list[_Call] = []
        self._led = False
        self._at_work = 0
        #: largest batch that memory holds, as far as is known
        self._limit: int | None = None

    @contextlib.contextmanager
    def at_work(self) -> Iterator[None]:
        """Held by a thread while it may bring rows: then the batches of others wait for them a little."""
        with self._changed:
            self._at_work += 1
        try:
            yield
        finally:
            with self._changed:
                self._at_work -= 1
                self._changed.notify_all()

    def map(self, forward: Forward, rows: Rows, batch: int) -> tuple[list[Any], list[str]]:
        """Results of rows in their order, and notes of batches that did not fit.

        Rows of several threads share a batch when `forward`, `batch`, shape and type are equal. When a shared
        batch fails, its threads' rows are run apart, and an error reaches the thread whose rows caused it.

        Raises:
            ModelError: one row does not fit into memory, or the network gives too few results.
        """
        call = _Call(forward, rows, batch)
        with self._changed:
            self._calls.append(call)
            self._changed.notify_all()
            try:
                while call.left:
                    if self._led:
                        self._changed.wait()
                    else:
                        self._lead()
            finally:
                self._calls.remove(call)
                self._changed.notify_all()
        if call.error is not None:
            try:
                raise call.error
            finally:
                del call  # a frame that knows its own error keeps all tensors of that error alive
        return call.results, call.notes

    def _lead(self) -> None:
        """Run one batch, whosever rows are in it. Called, and left, with the lock held."""
        self._led = True
        try:
            plan = self._gather()
            rows = [row for call, count in plan for row in call.next(count)]
            self._changed.release()
            try:
                outcome, full = self._try(plan[0][0].forward, rows)
            finally:
                self._changed.acquire()
            self._settle(plan, len(rows), outcome, full=full)
        finally:
            self._led = False
            self._changed.notify_all()

    def _gather(self) -> list[tuple[_Call, int]]:
        """Calls of the next batch and how many rows of each, after a short wait where more may come."""
        deadline = time.monotonic() + self._wait
        while True:
            waiting = [call for call in self._calls if call.left]
            first = waiting[0]
            room = min(first.batch, self._limit or first.batch)
            plan = []
            for call in waiting:
                if room and (call is first or (self._mixed and call.mixes_with(first))):
                    plan.append((call, min(room, call.left)))
                    room -= plan[-1][1]
            others = self._mixed and not first.alone and self._at_work > len(waiting)
            patience = deadline - time.monotonic()
            if not room or not others or patience <= 0:
                return plan
            self._changed.wait(patience)

    def _try(self, forward: Forward, rows: list[NDArray[Any]]) -> tuple[Sequence[Any] | Exception, bool]:
        """Results or the error, and whether that is a lack of memory. Called without the lock."""
        try:
            results = self._run(forward, rows)
        except Exception as error:
            if not self._is_full(error):
                return error, False
            error.__traceback__ = None  # its frames hold the tensors that did not fit
            self._free()
            return error, True
        if len(results) != len(rows):
            return ModelError(f"a network gave {len(results)} results for {len(rows)} rows"), False
        return results, False

    def _settle(
        self, plan: list[tuple[_Call, int]], size: int, outcome: Sequence[Any] | Exception, *, full: bool
    ) -> None:
        if not isinstance(outcome, Exception):
            done = 0
            for call, count in plan:
                call.results += outcome[done : done + count]
                done += count
        elif full and size > 1:
            self._limit = size // 2
            note = f"{self._device} was out of memory at a batch of {size}; going on with {self._limit}"
            logger.warning("%s", note)
            for call, _ in plan:
                call.notes.append(note)
        elif full:
            reason = (str(outcome).splitlines() or [type(outcome).__name__])[0]
            error = ModelError(
                f"{self._device} is out of memory with one row at a time: take a smaller network, "
                f"`precision: fp16`, or another device ({reason})"
            )
            error.__cause__ = outcome
            plan[0][0].error = error
        elif len(plan) == 1:
            plan[0][0].error = outcome
        else:
            logger.info("a batch of %d threads failed and is run apart: %s", len(plan), outcome)
            for call, _ in plan:
                call.alone = True
