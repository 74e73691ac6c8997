"""The look-up tables of an index that grows: a few segments of falling size, and what waits.

New hashes wait in the database and are scanned; when they are many they become a segment, which
takes in the segments before it that are no larger than twice its own size (a log-structured merge).
So adding costs little however large the index is, and a look-up asks a handful of tables.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmu.originals.bands import BUDGET, Bands, Hits, build, scan
from mmu.originals.fingerprint import BYTES

#: hashes that may wait
WAITING = 20_000
#: a segment takes in the one before it when that is at most so many times its size
_MERGE = 2.0
#: hashes compared at most in a small segment
_LEAST_BUDGET = 200_000

TABLE = (
    "CREATE TABLE segment (number INTEGER PRIMARY KEY AUTOINCREMENT, first INTEGER NOT NULL, "
    "last INTEGER NOT NULL, hashes INTEGER NOT NULL)"
)


class Segments:
    """Segments of the `keys` column of the table `video`, by ranges of its ids.

    Args:
        db: the open database; the caller begins and ends transactions.
        folder: where the tables are written.
    """

    def __init__(self, db: sqlite3.Connection, folder: Path) -> None:
        self._db = db
        self._folder = folder
        self._open: dict[int, Bands] = {}

    def search(self, asked: NDArray[np.uint8]) -> Iterator[Hits]:
        """Like hashes of all segments and of what waits; owners are ids of videos.

        Raises:
            OSError: tables are missing or damaged.
        """
        # Within one read transaction no other process can commit, and so none deletes tables.
        self._db.execute("BEGIN")
        try:
            rows = self._db.execute("SELECT number, hashes FROM segment").fetchall()
            self._open = {n: self._open.get(n) or Bands(self._place(n)) for n, _ in rows}
            waiting = self._keys(self._last() + 1)
        finally:
            self._db.execute("COMMIT")
        total = sum(count for _, count in rows)
        for number, count in rows:
            yield self._open[number].search(asked, budget=max(_LEAST_BUDGET, int(BUDGET * count / total)))
        if waiting:
            yield scan(asked, *_stack(waiting))

    def flush(self) -> list[int]:
        """Make a segment of what waits if it is much; returns the numbers it replaces."""
        first, hashes = self._last() + 1, self._count(self._last() + 1)
        if hashes <= WAITING:
            return []
        replaced = []
        for number, start, count in self._db.execute(
            "SELECT number, first, hashes FROM segment ORDER BY first DESC"
        ).fetchall():
            if count > _MERGE * hashes:
                break
            replaced.append(number)
            first, hashes = start, hashes + count
        self._replace(replaced, first, None)
        return replaced

    def rebuild(self, video: int) -> list[int]:
        """Build the segment that holds a deleted video anew; returns the number it replaces."""
        row = self._db.execute(
            "SELECT number, first, last FROM segment WHERE first <= ? AND last >= ?", (video, video)
        ).fetchone()
        if row is None:
            return []
        self._replace([row[0]], row[1], row[2])
        return [row[0]]

    def discard(self, numbers: list[int]) -> None:
        """Delete the tables of replaced segments, after the commit; open readers keep theirs."""
        for number in numbers:
            self._open.pop(number, None)
            shutil.rmtree(self._place(number), ignore_errors=True)

    def _replace(self, old: list[int], first: int, last: int | None) -> None:
        rows = self._keys(first, last)
        self._db.executemany("DELETE FROM segment WHERE number = ?", [(number,) for number in old])
        if not rows:
            return
        keys, owners = _stack(rows)
        number = self._db.execute(
            "INSERT INTO segment (first, last, hashes) VALUES (?, ?, ?)",
            (first, rows[-1][0] if last is None else last, len(keys)),
        ).lastrowid
        assert number is not None
        build(keys, owners, self._place(number))

    def _keys(self, first: int, last: int | None = None) -> list[tuple[int, bytes]]:
        return self._db.execute(
            "SELECT id, keys FROM video WHERE id BETWEEN ? AND ? ORDER BY id",
            (first, 2**62 if last is None else last),
        ).fetchall()

    def _count(self, first: int) -> int:
        row = self._db.execute("SELECT sum(length(keys)) FROM video WHERE id >= ?", (first,)).fetchone()
        return int(row[0] or 0) // BYTES

    def _last(self) -> int:
        return int(self._db.execute("SELECT coalesce(max(last), 0) FROM segment").fetchone()[0])

    def _place(self, number: int) -> Path:
        return self._folder / f"tables-{number}"

    def close(self) -> None:
        """Let go of the tables."""
        self._open.clear()


def _stack(rows: list[tuple[int, bytes]]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    keys = np.frombuffer(b"".join(blob for _, blob in rows), np.uint8).reshape(-1, BYTES)
    owners = np.repeat([row for row, _ in rows], [len(blob) // BYTES for _, blob in rows])
    return keys, owners.astype(np.int64)
