"""Perceptual hashes of the frames in time, for finding copies."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.bars import picture_area
from mmu.perception.hashing import ALGORITHM, hash_bits, to_hex
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage

if TYPE_CHECKING:
    from mmu.media.clip import Clip

_SOURCE = f"{ALGORITHM}@1"
#: grey spread under which a frame is too empty to be told from another
_FLAT = 8.0


class Hashes(Stage):
    """A hash a second and more where the picture moves, of the picture without bars or even borders.

    Two copies are sampled at different instants; where much moves, only a dense row of hashes
    has frames near enough to each other.

    Args:
        interval: seconds between two hashes of a quiet picture.
        min_change: change (mean grey difference, 0..1) since the last hash that asks for another.
        max_hashes: hashes per video; a longer one is covered more thinly.
    """

    name = "hashes"
    needs = Needs(frames=True)
    emits = frozenset({"image.hash"})
    cost = Cost(cpus=0.5, memory_mb=60)

    def __init__(self, *, interval: float = 1.0, min_change: float = 0.05, max_hashes: int = 400) -> None:
        self.interval = interval
        self.min_change = min_change
        self.max_hashes = max_hashes

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """Emit one signal a chosen frame; empty (flat) frames have none."""
        times = np.asarray(clip.times, dtype=np.float64)
        chosen = self._choose(clip, times)
        out = []
        for place, frame in zip(chosen, clip.frames(chosen), strict=True):
            grey = _small_grey(frame.image)
            area = picture_area(grey, black_only=False)
            picture = area.cut(grey)
            if float(picture.std()) < _FLAT:
                continue
            end = float(times[place + 1]) if place + 1 < len(times) else float(clip.duration)
            out.append(
                Signal(
                    "image.hash",
                    to_hex(hash_bits(picture)),
                    None,
                    Span(frame.time, max(frame.time, end)),
                    _SOURCE,
                    attributes={
                        "algorithm": ALGORITHM,
                        "time": round(frame.time, 3),
                        "trimmed": round(1 - picture.size / grey.size, 3),
                    },
                )
            )
        return out

    def _choose(self, clip: Clip, times: NDArray[np.float64]) -> list[int]:
        chosen: list[int] = []
        shot = np.searchsorted(np.asarray(clip.cuts, dtype=np.float64), times + 1e-6, side="right")
        moved = 0.0
        for i, time in enumerate(times):
            moved += float(clip.change[i])
            waited = not chosen or time - times[chosen[-1]] >= self.interval - 1e-6
            if waited or shot[i] != shot[chosen[-1]] or moved >= self.min_change:
                chosen.append(i)
                moved = 0.0
        if len(chosen) > self.max_hashes:
            chosen = [chosen[i] for i in np.linspace(0, len(chosen) - 1, self.max_hashes).round().astype(int)]
        return chosen


def _small_grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = min(1.0, 320 / max(image.shape[:2]))
    grey = cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
