"""Joining what is read in single frames into lines that last: match, vote, span."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.fuzz import ratio

from mmu.perception.strokes import resemblance, strokes
from mmu.perception.text_reader import LineReading, Region
from mmu.signals import Box

#: the same text stands in a place when its strokes resemble each other this much
_SAME_LOOK = 0.6
#: how far a piece of a standing line may reach beyond it, in line heights
_BEYOND = 0.5
_SAME_PLACE = 0.5
_SAME_TEXT = 0.7
#: a reading this sure needs no second one
_SURE = 0.97
_MAX_READINGS = 3
#: seconds in which a line counts as newly come
_LATELY = 4.0


@dataclass(slots=True)
class Line:
    """One line of text over time. Boxes are pixels of the sampled frames."""

    start: float
    end: float
    region: Region
    #: `strokes` of the region when it was last seen
    look: NDArray[np.float32]
    readings: list[LineReading] = field(default_factory=list)
    #: (time, box) of every sighting
    sightings: list[tuple[float, Box]] = field(default_factory=list)

    @property
    def best(self) -> LineReading:
        """The surest reading of the text that has the most confidence behind it."""
        votes: dict[str, list[LineReading]] = defaultdict(list)
        for reading in self.readings:
            votes[comparable(reading.text)].append(reading)
        # The square keeps two poor readings from outvoting one good one.
        winners = max(votes.values(), key=lambda group: sum(reading.score**2 for reading in group))
        return max(winners, key=lambda reading: reading.score)

    @property
    def box(self) -> Box:
        """The median box."""
        boxes = [box for _, box in self.sightings]
        return Box(*(median(values) for values in zip(*boxes, strict=True)))

    @property
    def drift(self) -> float:
        """How far the centre moved from its median place, in line heights.

        Sightings of another size are left out: there the detector saw more or less of the line.
        """
        box = self.box
        same = [b for _, b in self.sightings if _alike(b.w, box.w) and _alike(b.h, box.h)]
        far = max((max(abs(b.x - box.x), abs(b.y - box.y)) for b in same), default=0.0)
        return far / max(1.0, min(box.w, box.h))

    def settled(self) -> bool:
        """Whether another reading would add nothing."""
        if len(self.readings) >= _MAX_READINGS:
            return True
        return any(reading.score >= _SURE for reading in self.readings)


class LineTracker:
    """Follows lines from frame to frame; a line that stands still is read once to three times.

    Args:
        keep: seconds for which a line may be missed before it counts as gone.
    """

    def __init__(self, *, keep: float = 1.2) -> None:
        self._keep = keep
        self._open: list[Line] = []
        self._done: list[Line] = []
        self._last = 0.0

    def unchanged(self, time: float) -> None:
        """The picture is as it was: every line of the last look is still there."""
        for line in self._open:
            if line.end == self._last:
                line.end = time
                line.sightings.append((time, line.sightings[-1][1]))
        self._last = time

    def stands(self, image: NDArray[np.uint8]) -> bool:
        """Whether every line of the last look still stands."""
        return all(_stands(line, image) for line in self._open if line.end == self._last)

    def came_lately(self, time: float) -> bool:
        """Whether a line of the last look is new.

        Then it is safe to put off the next search: what comes lately (a
        subtitle, a caption) gives way to the next of its kind. Long-standing
        lines (a watermark) say nothing of what else may come.
        """
        return any(time - line.start <= _LATELY for line in self._open if line.end == self._last)

    def look(
        self,
        time: float,
        image: NDArray[np.uint8],
        regions: Sequence[Region],
        read: Callable[[Sequence[Region]], list[LineReading]],
    ) -> None:
        """One looked-at frame: its regions, and a function that reads those that are new."""
        self._close(time)
        self._last = time
        standing = [line for line in self._open if _stands(line, image)]
        unread: list[tuple[Region, Line | None]] = []
        claimed: set[int] = set()
        for region in regions:
            line = next((line for line in standing if _is_piece(region, line)), None)
            if line is not None:
                # The detector may see less of a line, or cut it in two: it stands as a whole.
                region = line.region
                if id(line) in claimed:
                    continue
            else:
                line = self._moved(image, region, claimed)
            if line is None:
                unread.append((region, None))
                continue
            claimed.add(id(line))
            if line.settled():
                self._see(line, time, image, region)
            else:
                unread.append((region, line))
        for (region, known), reading in zip(unread, read([region for region, _ in unread]), strict=True):
            line = known or self._same_text(region, reading, claimed)
            if line is None:
                if not reading.text:
                    continue
                line = Line(time, time, region, strokes(image, region.box))
                self._open.append(line)
            claimed.add(id(line))
            if reading.text:
                line.readings.append(reading)
            self._see(line, time, image, region)

    def finish(self) -> list[Line]:
        """All lines, in order of their start."""
        self._done += self._open
        self._open = []
        return sorted(merge_returning(self._done), key=lambda line: line.start)

    def _see(self, line: Line, time: float, image: NDArray[np.uint8], region: Region) -> None:
        line.end = time
        line.region = region
        line.look = strokes(image, region.box)
        line.sightings.append((time, region.box))

    def _close(self, time: float) -> None:
        for line in [line for line in self._open if time - line.end > self._keep]:
            self._open.remove(line)
            self._done.append(line)

    def _moved(self, image: NDArray[np.uint8], region: Region, claimed: set[int]) -> Line | None:
        """The line that looks like the region, a little way off."""
        scored = [
            (resemblance(line.look, strokes(image, region.box, length=line.look.shape[1])), line)
            for line in self._open
            if id(line) not in claimed and line.region.box.iou(region.box) >= _SAME_PLACE
        ]
        best = max(scored, key=lambda pair: pair[0], default=None)
        return best[1] if best is not None and best[0] >= _SAME_LOOK else None

    def _same_text(self, region: Region, reading: LineReading, claimed: set[int]) -> Line | None:
        scored = [
            (similarity(line.best.text, reading.text), line)
            for line in self._open
            if id(line) not in claimed and _nearby(line.region.box, region.box)
        ]
        best = max(scored, key=lambda pair: pair[0], default=None)
        return best[1] if best is not None and best[0] >= _SAME_TEXT else None


def _stands(line: Line, image: NDArray[np.uint8]) -> bool:
    """Whether the line is where it was last seen."""
    return resemblance(line.look, strokes(image, line.region.box)) >= _SAME_LOOK


def _is_piece(region: Region, line: Line) -> bool:
    """Whether the region is the line or lies in it; what reaches beyond has more text."""
    inner, outer = region.box, line.region.box
    margin = _BEYOND * min(outer.w, outer.h)
    return (
        2 * min(inner.w, inner.h) >= min(outer.w, outer.h)
        and inner.x >= outer.x - margin
        and inner.y >= outer.y - margin
        and inner.x + inner.w <= outer.x + outer.w + margin
        and inner.y + inner.h <= outer.y + outer.h + margin
    )


def _alike(a: float, b: float) -> bool:
    return abs(a - b) <= 0.15 * max(a, b)


def _nearby(a: Box, b: Box) -> bool:
    """Whether a line could have moved from `a` to `b` between two looks."""
    reach = 2.5 * max(min(a.w, a.h), min(b.w, b.h))
    dx = abs(a.x + a.w / 2 - b.x - b.w / 2)
    dy = abs(a.y + a.h / 2 - b.y - b.h / 2)
    return dx <= reach + abs(a.w - b.w) / 2 and dy <= reach


def merge_returning(lines: Sequence[Line], *, gap: float = 3.0) -> list[Line]:
    """Put together lines of the same text at the same place that come back within `gap` seconds."""
    merged: list[Line] = []
    for line in sorted(lines, key=lambda line: line.start):
        for earlier in reversed(merged):
            if (
                -0.5 <= line.start - earlier.end <= gap
                and earlier.region.box.iou(line.region.box) >= _SAME_PLACE
                and similarity(earlier.best.text, line.best.text) >= _SAME_TEXT
            ):
                earlier.end = max(earlier.end, line.end)
                earlier.readings += line.readings
                earlier.sightings += line.sightings
                earlier.region = line.region
                break
        else:
            merged.append(line)
    return merged


def comparable(text: str) -> str:
    """The text without spaces, case and full or half width."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def similarity(a: str, b: str) -> float:
    """Share of characters that agree, in [0, 1]; 1 for two empty texts."""
    return ratio(comparable(a), comparable(b)) / 100.0
