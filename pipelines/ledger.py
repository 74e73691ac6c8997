"""What a job knows of its rows: which were met, and which are finished.

One SQLite file in a temporary folder: 10 million keys need no memory to speak
of. It is rebuilt from the outputs when a job starts, so losing it costs nothing.
"""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self

_MET, _DONE = 0, 1


class Ledger:
    """Keys of rows, met or done; a context manager. Used from one thread."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="mmu-ledger-")
        self._base = sqlite3.connect(Path(self._folder.name) / "keys.db", isolation_level=None)
        for pragma in ("journal_mode=OFF", "synchronous=OFF", "cache_size=-16384", "locking_mode=EXCLUSIVE"):
            self._base.execute(f"PRAGMA {pragma}")
        self._base.execute("CREATE TABLE keys (key BLOB PRIMARY KEY, state INTEGER) WITHOUT ROWID")
        # One transaction to the end: nothing is worth a commit, for the file is gone with the job.
        self._base.execute("BEGIN")

    def meet(self, key: str) -> bool | None:
        """Note a row of the source: True when it is new, None when it is done, False when met before."""
        name = bytes.fromhex(key)
        if self._base.execute("INSERT OR IGNORE INTO keys VALUES (?, ?)", (name, _MET)).rowcount:
            return True
        state = self._base.execute("SELECT state FROM keys WHERE key = ?", (name,)).fetchone()[0]
        return None if state == _DONE else False

    def finish(self, keys: Iterable[str]) -> list[str]:
        """Note finished rows; returns those that were finished already."""
        again = []
        for key in keys:
            changed = self._base.execute(
                "INSERT INTO keys VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET state = ? WHERE state <> ?",
                (bytes.fromhex(key), _DONE, _DONE, _DONE),
            )
            if not changed.rowcount:
                again.append(key)
        return again

    def done(self, key: str) -> bool:
        """Whether a row is finished."""
        found = self._base.execute("SELECT state FROM keys WHERE key = ?", (bytes.fromhex(key),)).fetchone()
        return found is not None and found[0] == _DONE

    def finished(self) -> int:
        """Number of finished rows."""
        number: int = self._base.execute("SELECT count(*) FROM keys WHERE state = ?", (_DONE,)).fetchone()[0]
        return number

    def close(self) -> None:
        """Remove the file."""
        self._base.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
