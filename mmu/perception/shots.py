"""Shots, camera motion, and spans that are black, frozen or framed by bars."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmu.perception.bars import Area, common_area, picture_area
from mmu.perception.camera import classify, zoom_rate
from mmu.perception.merge import whole
from mmu.signals import Box, Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage

if TYPE_CHECKING:
    from mmu.media.clip import Clip

_SOURCE = "shots@1"


class Shots(Stage):
    """Everything the media axis says of the picture.

    Args:
        black_luma: mean grey (0..255) below which an even frame is black.
        min_black: shortest black span in seconds.
        frozen_diff: mean grey difference (0..255) to the frame before at which nothing moved.
        min_frozen: shortest frozen span in seconds.
        max_zoom_checks: frame pairs that are looked at for zoom.
        max_bar_checks: frames that are looked at for bars.
    """

    name = "shots"
    needs = Needs(frames=True)
    emits = frozenset({"media.shot", "media.black", "media.frozen", "media.letterbox", "media.motion"})
    cost = Cost(cpus=0.5, memory_mb=100)

    def __init__(
        self,
        *,
        black_luma: float = 14.0,
        min_black: float = 0.1,
        frozen_diff: float = 0.08,
        min_frozen: float = 1.0,
        max_zoom_checks: int = 24,
        max_bar_checks: int = 10,
    ) -> None:
        self.black_luma = black_luma
        self.min_black = min_black
        self.frozen_diff = frozen_diff
        self.min_frozen = min_frozen
        self.max_zoom_checks = max_zoom_checks
        self.max_bar_checks = max_bar_checks

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        out = self._bars(clip)
        if clip.still or clip.duration <= 0:
            return out
        shots = _shot_spans(clip)
        out += [Signal("media.shot", None, None, span, _SOURCE) for span in shots]
        out += self.motions(clip, shots)
        dense = clip.dense
        if len(dense.times) > 1:
            times = np.asarray(dense.times, dtype=np.float64)
            black = (dense.luma <= self.black_luma) & (dense.contrast <= 8)
            out += _runs("media.black", times, black, clip.duration, self.min_black)
            still = np.append(dense.diff[1:] <= self.frozen_diff, False) & ~black
            out += _runs("media.frozen", times, still, clip.duration, self.min_frozen)
        return out

    def _bars(self, clip: Clip) -> list[Signal]:
        if len(clip.times) == 0:
            return []
        count = min(self.max_bar_checks, len(clip.times))
        places = np.linspace(0, len(clip.times) - 1, count).round().astype(int)
        areas, size = [], (0, 0)
        for frame in clip.frames(places.tolist()):
            height, width = frame.image.shape[:2]
            if size not in ((0, 0), (width, height)):
                return []
            size = (width, height)
            if frame.image.max() > 40:
                areas.append(picture_area(frame.image))
        if not areas:
            return []
        area = common_area(areas)
        lost = 1 - area.w * area.h / (size[0] * size[1])
        if max(1 - area.w / size[0], 1 - area.h / size[1]) < 0.04:
            return []
        if clip.still and not _centred(area, size):
            return []
        box = Box(area.x, area.y, area.w, area.h).scaled(clip.scale)
        return [
            Signal(
                "media.letterbox",
                None,
                min(1.0, 0.5 + 0.05 * len(areas) + lost) if not clip.still else 0.6,
                whole(clip),
                _SOURCE,
                box=box,
                attributes={"lost": round(lost, 4)},
            )
        ]

    def motions(self, clip: Clip, shots: list[Span]) -> list[Signal]:
        """What the camera does in each shot, from the shifts between decoded frames."""
        dense = clip.dense
        times = np.asarray(dense.times, dtype=np.float64)
        zooms = self._zooms(clip, shots)
        out = []
        for number, span in enumerate(shots):
            rows = slice(*np.searchsorted(times, [span.start - 1e-6, span.end - 1e-6]))
            if rows.stop - rows.start < 2:
                continue
            motion = classify(
                times[rows], dense.dx[rows], dense.dy[rows], dense.response[rows], zooms.get(number)
            )
            out.append(
                Signal(
                    "media.motion",
                    motion.kind,
                    min(1.0, max(0.0, motion.score)),
                    span,
                    _SOURCE,
                    attributes={"magnitude": round(motion.magnitude, 4)},
                )
            )
        return out

    def _zooms(self, clip: Clip, shots: list[Span]) -> dict[int, float]:
        """Zoom of the longest shots, from two frames about a second apart in the middle of each."""
        times = np.asarray(clip.times, dtype=np.float64)
        longest = sorted(range(len(shots)), key=lambda i: -shots[i].seconds)
        budget = self.max_zoom_checks
        rates: dict[int, list[float]] = {}
        for number in longest:
            inside = np.flatnonzero((times >= shots[number].start) & (times < shots[number].end))
            if len(inside) < 2 or budget <= 0:
                continue
            for share in (0.25, 0.5, 0.75):
                first = inside[int(share * (len(inside) - 1))]
                later = inside[(times[inside] > times[first]) & (times[inside] <= times[first] + 1.2)]
                if len(later) == 0 or budget <= 0:
                    continue
                budget -= 1
                seconds = float(times[later[-1]] - times[first])
                rate = zoom_rate(clip.frame(int(first)).image, clip.frame(int(later[-1])).image, seconds)
                if rate is not None:
                    rates.setdefault(number, []).append(rate)
        # a zoom keeps its direction; shake and passing things don't
        return {
            number: float(np.median(found))
            for number, found in rates.items()
            if len(found) >= 2 and len({rate > 0 for rate in found}) == 1
        }


def _centred(area: Area, size: tuple[int, int]) -> bool:
    """Whether bars are alike on opposite sides; a dark edge of a still picture seldom is."""
    right, bottom = size[0] - area.x - area.w, size[1] - area.y - area.h
    return abs(area.x - right) <= 0.03 * size[0] and abs(area.y - bottom) <= 0.03 * size[1]


def _shot_spans(clip: Clip) -> list[Span]:
    edges = [0.0, *(float(t) for t in clip.cuts if 0 < t < clip.duration), float(clip.duration)]
    return [Span(a, b) for a, b in pairwise(edges) if b > a]


def _runs(
    kind: str, times: NDArray[np.float64], mask: NDArray[np.bool_], end: float, shortest: float
) -> list[Signal]:
    """A signal per run of true values that lasts at least `shortest` seconds."""
    padded = np.concatenate([[False], mask, [False]]).astype(np.int8)
    steps = np.diff(padded)
    out = []
    for start, stop in zip(np.flatnonzero(steps == 1), np.flatnonzero(steps == -1), strict=True):
        span = Span(float(times[start]), float(times[stop]) if stop < len(times) else max(end, times[-1]))
        if span.seconds >= shortest:
            out.append(Signal(kind, None, None, span, _SOURCE))
    return out
