"""Cheap statistics of every decoded frame, taken from a small copy of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

#: Long side of the small copy in pixels.
SMALL_SIDE = 160
#: Long side of the grey copy from which the global shift is taken.
SHIFT_SIDE = 80
#: Even lengths that a Fourier transform is fast at. `cv2.phaseCorrelate` pads others, and is half a
#: pixel off at odd ones.
_SIDES = (8, 10, 12, 16, 18, 20, 24, 30, 32, 36, 40, 48, 50, 54, 60, 64, 72, 80)

COLUMNS = ("times", "luma", "contrast", "content", "diff", "dx", "dy", "response")


@dataclass(frozen=True, slots=True)
class Dense:
    """Statistics per decoded frame; all arrays have shape (n,), in order of time."""

    times: NDArray[np.float64]
    """Seconds from the first presented sample."""
    luma: NDArray[np.float32]
    """Mean grey, 0 to 255."""
    contrast: NDArray[np.float32]
    """Standard deviation of grey, 0 to 255."""
    content: NDArray[np.float32]
    """Mean absolute difference of hue, saturation and value to the frame before (PySceneDetect)."""
    diff: NDArray[np.float32]
    """Mean absolute grey difference to the frame before, 0 to 255."""
    dx: NDArray[np.float32]
    """Shift of the picture to the right since the frame before, as a share of its width."""
    dy: NDArray[np.float32]
    """Shift of the picture downwards since the frame before, as a share of its height."""
    response: NDArray[np.float32]
    """How sure the shift is, 0 to 1."""

    def __len__(self) -> int:
        return len(self.times)

    def take(self, rows: NDArray[np.bool_], origin: float) -> Dense:
        """Some of the rows; `origin` becomes time 0."""
        times, *columns = (getattr(self, name)[rows] for name in COLUMNS)
        return Dense(times - origin, *columns)

    @classmethod
    def from_rows(cls, rows: NDArray[np.float64], origin: float = 0.0) -> Dense:
        """From an (n, 8) float64 array with the columns `COLUMNS`; `origin` becomes time 0."""
        rows = rows.reshape(-1, len(COLUMNS))
        columns = [rows[:, i].astype(np.float32) for i in range(1, len(COLUMNS))]
        return cls(rows[:, 0] - origin, *columns)


class _Copies(NamedTuple):
    """The small copies of one frame."""

    hsv: NDArray[np.uint8]
    grey: NDArray[np.uint8]
    layout: NDArray[np.float32]


class DenseMeter:
    """Measures one small frame after the other.

    Content follows PySceneDetect's ContentDetector (BSD-3): the mean absolute
    difference of the three HSV channels. The global shift is the phase
    correlation of two grey frames under a Hann window (`cv2.phaseCorrelate`).
    """

    def __init__(self) -> None:
        self._before: _Copies | None = None
        self._window: NDArray[np.float32] | None = None

    @property
    def grey(self) -> NDArray[np.uint8]:
        """Grey copy of the frame measured last, (h, w) uint8."""
        assert self._before is not None
        return self._before.grey

    @property
    def layout(self) -> NDArray[np.float32]:
        """Smaller grey copy of the frame measured last, (h, w) float32 at most `SHIFT_SIDE` wide or high."""
        assert self._before is not None
        return self._before.layout

    def measure(self, small: NDArray[np.uint8]) -> tuple[float, float, float, float, float, float, float]:
        """Statistics of `small`, (h, w, 3) uint8 BGR: the columns of `COLUMNS` after `times`."""
        hsv = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2HSV), np.uint8)
        grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.uint8)
        mean, deviation = cv2.meanStdDev(grey)
        layout = _layout_copy(grey)
        content = diff = dx = dy = response = 0.0
        if self._before is not None and self._before.grey.shape == grey.shape:
            content = sum(cv2.mean(cv2.absdiff(hsv, self._before.hsv))[:3]) / 3
            diff = cv2.mean(cv2.absdiff(grey, self._before.grey))[0]
            dx, dy, response = self._global_shift(self._before.layout, layout, diff)
        self._before = _Copies(hsv, grey, layout)
        return float(mean[0, 0]), float(deviation[0, 0]), content, diff, dx, dy, response

    def _global_shift(
        self, before: NDArray[np.float32], after: NDArray[np.float32], diff: float
    ) -> tuple[float, float, float]:
        height, width = after.shape
        # A picture that did not change, or has no structure, has no shift to find.
        if min(height, width) < 8:
            return 0.0, 0.0, 0.0
        if diff < 0.05:
            return 0.0, 0.0, 1.0
        if self._window is None or self._window.shape != after.shape:
            self._window = np.asarray(cv2.createHanningWindow((width, height), cv2.CV_32F), np.float32)
        # Copies, because OpenCV applies the window to its arguments in place.
        (dx, dy), response = cv2.phaseCorrelate(before.copy(), after.copy(), self._window)
        if not np.isfinite(response):
            return 0.0, 0.0, 0.0
        return dx / width, dy / height, float(min(max(response, 0.0), 1.0))


def small_size(width: int, height: int, side: int = SMALL_SIDE) -> tuple[int, int]:
    """(width, height) of a picture scaled down to at most `side` pixels on its long side."""
    scale = min(1.0, side / max(width, height))
    return max(1, round(width * scale)), max(1, round(height * scale))


def _layout_copy(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    width, height = small_size(grey.shape[1], grey.shape[0], SHIFT_SIDE)
    size = min(_SIDES, key=lambda n: abs(n - width)), min(_SIDES, key=lambda n: abs(n - height))
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.float32)
