"""Append-only arrays on disk, read through memory maps.

How many rows count is told by the database beside them: what a crash left
behind the last row is written over by the next one.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray


class Column:
    """One file of rows of `width` numbers of one type."""

    def __init__(self, path: Path, dtype: str, width: int = 1) -> None:
        self.path = path
        self._dtype = np.dtype(dtype)
        self._width = width
        self._row = self._dtype.itemsize * width

    def view(self, rows: int) -> NDArray[Any]:
        """The first `rows` rows, read-only: (rows,) or (rows, width); OSError where they are not there."""
        shape = (rows,) if self._width == 1 else (rows, self._width)
        if rows == 0:
            return np.zeros(shape, self._dtype)
        if self.path.stat().st_size < rows * self._row:
            raise OSError(f"{self.path} is shorter than the database says")
        # A plain array over the map: slices of a memmap cost microseconds each.
        return np.memmap(self.path, self._dtype, "r", shape=shape).view(np.ndarray)

    def append(self, values: NDArray[Any], *, at: int) -> int:
        """Write rows behind the first `at`; returns how many rows count then."""
        data = np.ascontiguousarray(values, self._dtype).reshape(-1, self._width)
        with self.path.open("r+b" if self.path.exists() else "w+b") as file:
            file.seek(at * self._row)
            file.write(data.tobytes())
            file.truncate()
            file.flush()
            os.fsync(file.fileno())
        return at + len(data)

    def write(self, start: int, values: NDArray[Any]) -> None:
        """Overwrite rows that are there; who has mapped the file sees it change and never shrink."""
        if len(values):
            with self.path.open("r+b") as file:
                file.seek(start * self._row)
                file.write(np.ascontiguousarray(values, self._dtype).tobytes())
                file.flush()
                os.fsync(file.fileno())

    def fill(self, start: int, stop: int, value: int) -> None:
        """Overwrite rows with one value."""
        self.write(start, np.full(((stop - start) * self._width,), value, self._dtype))
