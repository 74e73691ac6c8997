"""Hard cuts from the content values of consecutive frames, one frame at a time."""

from __future__ import annotations

from collections import deque

#: A cut's content value must exceed this, whatever surrounds it.
MIN_CONTENT = 15.0
#: ... and be this many times the mean of the frames around it.
ADAPTIVE_RATIO = 3.0
#: Frames looked at on either side.
WINDOW = 2
#: Seconds two cuts are apart at least.
MIN_SHOT = 0.3


class CutDetector:
    """Adaptive threshold with a lag of `WINDOW` frames.

    A frame starts a shot when its content value stands out of those around it
    (method of PySceneDetect's AdaptiveDetector, BSD-3). A flash is not a cut:
    the picture after it is the picture before it, which `push` is told by the
    difference across the window.
    """

    def __init__(self) -> None:
        self._buffer: deque[tuple[float, float]] = deque(maxlen=2 * WINDOW + 1)
        self._last = float("-inf")
        self._first = True

    def push(self, time: float, content: float) -> float | None:
        """Add a frame; the time of a cut that is now certain (some frames ago), or None."""
        if self._first:
            self._first = False
            self._last = time
        self._buffer.append((time, content))
        if len(self._buffer) < 2 * WINDOW + 1:
            return None
        return self._judge(WINDOW)

    def flush(self) -> list[float]:
        """Cuts among the last frames, judged by what came before them."""
        found = []
        for index in range(WINDOW + 1, len(self._buffer)):
            time = self._judge(index)
            if time is not None:
                found.append(time)
        return found

    def _judge(self, index: int) -> float | None:
        time, content = self._buffer[index]
        if content < MIN_CONTENT or time - self._last < MIN_SHOT:
            return None
        around = [c for i, (_, c) in enumerate(self._buffer) if i != index]
        if content < ADAPTIVE_RATIO * (sum(around) / len(around)):
            return None
        self._last = time
        return time
