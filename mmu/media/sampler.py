"""Which frames of a video are kept: by time, by change, by shot, and never too many."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

#: Size of the grey thumbnail by which two frames are compared, (width, height).
THUMB = (32, 18)
#: A frame is due this share of a frame's usual distance early, so that rounding does not skip one.
_EARLY = 0.01
#: When thinning, a frame stays when it is this share of the interval from the one before.
_SPACING = 0.75


@dataclass(slots=True)
class Sample:
    """One kept frame: its time, the slot of its picture in the spool, and why it is here."""

    time: float
    slot: int
    thumb: NDArray[np.uint8] = field(repr=False)
    anchor: bool = False


def thumbnail(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(18, 32) uint8 copy of a grey picture, for comparing."""
    return np.asarray(cv2.resize(grey, THUMB, interpolation=cv2.INTER_AREA), np.uint8)


def change(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Mean absolute difference of two thumbnails, 0 to 1."""
    return float(cv2.mean(cv2.absdiff(a, b))[0]) / 255


class Sampler:
    """Decides frame by frame, without knowing how long the video is.

    When `max_frames` are held, the interval doubles and frames closer than that
    are dropped: the kept frames always cover what was seen so far evenly. The
    first looks at shots stay longest, but not closer than a quarter of the
    interval.
    """

    def __init__(self, *, interval: float, min_gap: float, change: float, max_frames: int) -> None:
        self.samples: list[Sample] = []
        self._interval = interval
        self._min_gap = min_gap
        self._anchor_gap = 0.0
        self._change = change
        self._max_frames = max_frames
        self._free: list[int] = []
        self._dropped: list[int] = []
        self._slots = 0

    def wants(self, time: float, thumb: NDArray[np.uint8], *, anchor: bool) -> bool:
        """Whether the frame at `time` should be kept; `anchor`: it is the first look at a new shot."""
        if not self.samples:
            return True
        last = self.samples[-1]
        gap = time - last.time
        if gap <= 0:
            return False
        if gap >= self._interval * (1 - _EARLY) or (anchor and gap >= self._anchor_gap):
            return True
        return gap >= self._min_gap and change(thumb, last.thumb) >= self._change

    def keep(self, time: float, thumb: NDArray[np.uint8], *, anchor: bool) -> int:
        """Keep the frame; the slot in which its picture has to be stored."""
        if len(self.samples) >= self._max_frames:
            self._thin()
        if self._free:
            slot = self._free.pop()
        else:
            slot = self._slots
            self._slots += 1
        self.samples.append(Sample(time, slot, thumb, anchor or not self.samples))
        return slot

    def release(self) -> None:
        """Let the slots of dropped frames be used again: nobody refers to them any more."""
        self._free += self._dropped
        self._dropped = []

    def _thin(self) -> None:
        while len(self.samples) > self._max_frames * 3 // 4 and len(self.samples) > 1:
            self._interval *= 2
            self._min_gap *= 2
            self._anchor_gap = self._interval / 4
            self._keep_spaced()

    def _keep_spaced(self) -> None:
        kept = self.samples[:1]
        for sample in self.samples[1:]:
            gap = sample.time - kept[-1].time
            if gap >= self._interval * _SPACING or (sample.anchor and gap >= self._anchor_gap):
                kept.append(sample)
            elif sample.anchor and not kept[-1].anchor:
                self._dropped.append(kept.pop().slot)
                kept.append(sample)
            else:
                self._dropped.append(sample.slot)
        self.samples = kept
