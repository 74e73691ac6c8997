"""Rows on their way from the source to the workers.

A thread reads the source ahead of the job; among the rows that were read the biggest file goes
first, so that a long video does not run alone at the end.
"""

from __future__ import annotations

import heapq
import math
import secrets
import threading
from collections.abc import Iterable, Iterator
from queue import Empty, Full, Queue

from pipelines.ledger import Ledger
from pipelines.progress import Numbers
from pipelines.rows import BadRow, Row
from pipelines.worker import Task

READ_AHEAD = 1000
BAD_ROWS = 200
#: of a new measurement in the running mean
WEIGHT = 0.2


class Intake:
    """Reads a source, leaves out what is finished, and cuts the rest into tasks."""

    def __init__(
        self, source: Iterable[Row | BadRow], ledger: Ledger, numbers: Numbers, *, lookahead: int
    ) -> None:
        self._ledger = ledger
        self._numbers = numbers
        self._lookahead = lookahead
        self._heap: list[tuple[int, int, Row]] = []
        self._bad: list[BadRow] = []
        self._order = 0
        self._queue: Queue[Row | BadRow | BaseException | None] = Queue(READ_AHEAD)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._read, args=(iter(source),), daemon=True)
        self._thread.start()

    def _read(self, source: Iterator[Row | BadRow]) -> None:
        last: BaseException | None = None
        try:
            for row in source:
                if not self._put(row):
                    return
        except BaseException as error:  # raised where the rows are taken
            last = error
        self._put(last)

    def _put(self, item: Row | BadRow | BaseException | None) -> bool:
        while not self._stop.is_set():
            try:
                self._queue.put(item, timeout=0.5)
            except Full:
                continue
            return True
        return False

    def fill(self, *, wait: float = 0.0) -> None:
        """Take rows until enough are known to choose among, or none is ready.

        Raises:
            ConfigError: the source cannot be read; rows before it are not lost.
        """
        while not self._numbers.complete and len(self) < self._lookahead:
            try:
                item = self._queue.get(timeout=wait) if wait else self._queue.get_nowait()
            except Empty:
                return
            wait = 0.0
            if item is None:
                self._numbers.complete = True
            elif isinstance(item, BaseException):
                raise item
            else:
                self._meet(item)

    def _meet(self, row: Row | BadRow) -> None:
        self._numbers.listed += 1
        match self._ledger.meet(row.key):
            case None:
                self._numbers.before += 1
            case False:
                self._numbers.duplicates += 1
            case True:
                if isinstance(row, BadRow):
                    self._bad.append(row)
                else:
                    self._order += 1
                    self._numbers.listed_bytes += row.bytes
                    heapq.heappush(self._heap, (-row.bytes, self._order, row))

    def __len__(self) -> int:
        return len(self._heap) + len(self._bad)

    @property
    def empty(self) -> bool:
        """Nothing is left, and nothing will come."""
        return self._numbers.complete and not len(self)

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()

    def next_task(self, size: Sizer, workers: int) -> Task | None:
        """The next rows for a worker; None when there are none (yet)."""
        if len(self._bad) >= BAD_ROWS or (self._bad and not self._heap):
            bad, self._bad = self._bad[:BAD_ROWS], self._bad[BAD_ROWS:]
            return Task(new_name(), bad=bad)
        if not self._heap:
            return None
        # Near the end tasks get smaller, so that all workers end at about the same time.
        left = len(self._heap) / workers
        most = min(size.rows, max(math.ceil(left / 2), min(size.least, math.ceil(left))))
        rows: list[Row] = []
        expected = 0.0
        while self._heap and len(rows) < most:
            cost = size.expected(-self._heap[0][0])
            if len(rows) >= size.least and expected + cost > size.seconds:
                break
            rows.append(heapq.heappop(self._heap)[2])
            expected += cost
        return Task(new_name(), rows=rows)


class Sizer:
    """How many rows make a task of about the wanted length, learned from the tasks that ended."""

    def __init__(self, *, rows: int, seconds: float, least: int = 1) -> None:
        self.rows = rows
        #: rows that a task has, however long it takes, when there are so many
        self.least = min(rows, least)
        self.seconds = seconds
        self._a_row: float | None = None
        self._a_byte: float | None = None

    def learn(self, rows: int, size: int, seconds: float) -> None:
        """Take note of a task."""
        if not rows:
            return
        self._a_row = _mean(self._a_row, seconds / rows)
        if size:
            self._a_byte = _mean(self._a_byte, seconds / size)

    def expected(self, size: int) -> float:
        """Seconds that a file of `size` bytes may take; of the first ones each is a task."""
        if self._a_row is None:
            return self.seconds
        if size and self._a_byte is not None:
            # Small files cost more a byte, large ones less: the middle of both views.
            return math.sqrt(max(1e-6, self._a_row) * max(1e-6, self._a_byte * size))
        return self._a_row


def _mean(old: float | None, new: float) -> float:
    return new if old is None else old + WEIGHT * (new - old)


def new_name() -> str:
    """Name of a task, unlike any other."""
    return secrets.token_hex(10)
