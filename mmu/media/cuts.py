"""Hard cuts, one frame at a time."""

from __future__ import annotations

from collections import deque
from itertools import pairwise
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

#: Frames looked at on either side of a candidate.
WINDOW = 2
#: Seconds two cuts are apart at least.
MIN_SHOT = 0.3
#: How much a cut's score must exceed the mean of those around it ...
RATIO = 3.0
#: ... or this much, when the layout of the picture jumps `LAYOUT_RATIO` times more than around it.
LOW_RATIO, LAYOUT_RATIO = 2.2, 6.0
#: (least score, most correlation): a strong change of colour, or a clear change of layout.
RULES = ((15.0, 0.9), (8.0, 0.6))
#: Two pictures that correlate more than this show the same shot.
SAME_SHOT = 0.9


class _Entry(NamedTuple):
    time: float
    score: float
    grey: NDArray[np.float32]


class CutDetector:
    """Adaptive threshold with a lag of `WINDOW` frames, confirmed by the layout of the picture.

    A frame is a candidate when its change of content stands out of the frames
    around it (the method of PySceneDetect's AdaptiveDetector, BSD-3). Hue is
    noise in dark pictures and keyframes pulse in badly compressed ones, so the
    grey pictures before and after must also correlate little; and when any
    frame before looks like any frame after, it was a flash.

    Args:
        sparse: the frames are keyframes, seconds apart: there is nothing to stand out of, so two
            neighbours that differ strongly in colour and layout are taken as two shots.
    """

    def __init__(self, *, sparse: bool = False) -> None:
        self._sparse = sparse
        self._buffer: deque[_Entry] = deque(maxlen=2 * WINDOW + 1)
        self._last: float | None = None

    def push(self, time: float, content: float, diff: float, grey: NDArray[np.float32]) -> float | None:
        """Add a frame: its time, its `content` and `diff` statistics, and a small float32 grey copy.

        Returns the time of a cut that is now certain (`WINDOW` frames ago), or None.
        """
        if self._last is None:
            self._last = time
        # Colourless pictures have no hue or saturation to change, so their grey difference counts.
        score = max(content, diff / 2)
        self._buffer.append(_Entry(time, score, grey))
        if self._sparse:
            return self._compare()
        return self._judge(WINDOW) if len(self._buffer) == 2 * WINDOW + 1 else None

    def flush(self) -> list[float]:
        """Cuts among the last frames, judged mostly by what came before them."""
        if self._sparse:
            return []
        found = (self._judge(index) for index in range(WINDOW + 1, len(self._buffer)))
        return [time for time in found if time is not None]

    def _compare(self) -> float | None:
        if len(self._buffer) < 2:
            return None
        before, this = self._buffer[-2], self._buffer[-1]
        different = this.score >= RULES[0][0] and correlation(before.grey, this.grey) <= RULES[1][1]
        return this.time if different else None

    def _judge(self, index: int) -> float | None:
        entries = list(self._buffer)
        this = entries[index]
        assert self._last is not None
        # The cheap tests first: few frames come as far as the correlations.
        if this.time - self._last < MIN_SHOT or this.score < min(least for least, _ in RULES):
            return None
        around = [entry.score for i, entry in enumerate(entries) if i != index]
        level = sum(around) / len(around)
        if max(around) > this.score / 1.5 or this.score < LOW_RATIO * level:
            return None
        jumps = [1 - correlation(a.grey, b.grey) for a, b in pairwise(entries)]
        jump = jumps.pop(index - 1)
        if not any(this.score >= least and jump >= 1 - most for least, most in RULES):
            return None
        if this.score < RATIO * level and jump < LAYOUT_RATIO * sum(jumps) / len(jumps):
            return None
        if any(correlation(a.grey, b.grey) > SAME_SHOT for a in entries[:index] for b in entries[index:]):
            return None
        self._last = this.time
        return this.time


def correlation(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Normalised correlation of two grey pictures, -1 to 1; flat pictures are compared by level."""
    if a.shape != b.shape:
        return 0.0
    if min(float(a.std()), float(b.std())) < 0.5:
        return (
            1.0 if abs(float(a.mean()) - float(b.mean())) < 8 and abs(float(a.std() - b.std())) < 4 else 0.0
        )
    return float(cv2.matchTemplate(a, b, cv2.TM_CCOEFF_NORMED)[0, 0])
