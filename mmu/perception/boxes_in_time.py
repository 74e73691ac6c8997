"""Boxes of tracks at any moment: what was seen, and between two sightings what lies between them."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from mmu.signals import Box, Signal

#: seconds between two sightings across which a box is interpolated, and beyond which it is forgotten
MAX_GAP, MAX_REACH = 3.0, 0.35


class MovingBox:
    """The box of one track over time, in pixels of the source frame."""

    def __init__(self, signal: Signal) -> None:
        """From a signal with `attributes.boxes` [[t, x, y, w, h]], or with one box for all its span."""
        self.signal = signal
        rows = signal.attributes.get("boxes") or []
        if not rows and signal.box is not None:
            rows = [[signal.span.start if signal.span else 0.0, *signal.box]]
        values = np.array(rows, np.float64).reshape(-1, 5)
        self._times, self._boxes = values[:, 0], values[:, 1:]

    @property
    def area(self) -> float:
        """Sum of the areas of all sightings."""
        return float((self._boxes[:, 2] * self._boxes[:, 3]).sum())

    def at(self, time: float) -> Box | None:
        """The box at `time`; None when nothing was seen near enough."""
        if not len(self._times):
            return None
        after = int(np.searchsorted(self._times, time - 1e-6))
        if after < len(self._times) and after > 0:
            before = after - 1
            gap = self._times[after] - self._times[before]
            if gap <= MAX_GAP:
                share = (time - self._times[before]) / max(gap, 1e-9)
                mixed = (1 - share) * self._boxes[before] + share * self._boxes[after]
                return Box(*(float(v) for v in mixed))
        nearest = int(np.argmin(np.abs(self._times - time)))
        if abs(self._times[nearest] - time) > MAX_REACH:
            return None
        return Box(*(float(v) for v in self._boxes[nearest]))


def moving(signals: Iterable[Signal]) -> list[MovingBox]:
    """Tracks with boxes, the one that fills most of the video first."""
    return sorted((MovingBox(one) for one in signals), key=lambda one: -one.area)
