"""Follows faces from one sampled frame to the next, by place first and by identity where place is unsure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmu.perception.face_analysis import FaceBox
from mmu.signals import Box

#: seconds without a detection after which a track has ended
MAX_GAP = 4.0
#: seconds after which place joins only when the boxes agree well
_SHORT_GAP = 1.6
#: crops that a track keeps for recognition
MAX_CROPS = 3

_SURE_OVERLAP = 0.35
_LONG_GAP_OVERLAP = 0.5
#: farthest jump of a face between two looks, in units of its mean side
_MAX_JUMP = 1.2
_MAX_GROWTH = 1.7


@dataclass(slots=True, eq=False)
class Look:
    """A detection with its crop's worth."""

    face: FaceBox
    quality: float
    #: (112, 112, 3) uint8 BGR, aligned
    chip: NDArray[np.uint8]
    #: (128,) float32, filled in when identity is asked for
    embedding: NDArray[np.float32] | None = None


@dataclass(slots=True, eq=False)
class Crop:
    """One look at a tracked face that is good enough to be recognised by."""

    time: float
    look: Look
    #: surroundings of the face, and the face in them
    picture: NDArray[np.uint8]
    face: FaceBox

    @property
    def quality(self) -> float:
        return self.look.quality


@dataclass(slots=True, eq=False)
class Track:
    """One face over time; `looks` holds (time, box) of each detection."""

    looks: list[tuple[float, Box]] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    crops: list[Crop] = field(default_factory=list)
    #: (time, probabilities) of the expression, read about once a second
    expressions: list[tuple[float, NDArray[np.float32]]] = field(default_factory=list)
    #: the landmarker's opinion at each reading, and (yaw, pitch, roll)
    presences: list[float] = field(default_factory=list)
    poses: list[tuple[float, float, float]] = field(default_factory=list)
    end: float = 0.0
    last: Look | None = None

    @property
    def start(self) -> float:
        return self.looks[0][0]

    def wants(self, quality: float) -> bool:
        """Whether a crop of this quality would be kept."""
        return len(self.crops) < MAX_CROPS or quality > min(crop.quality for crop in self.crops)

    def keep(self, crop: Crop) -> None:
        """Keep the best crops, one a second at most, so that they differ."""
        near = [old for old in self.crops if abs(old.time - crop.time) < 1.0]
        if near:
            if crop.quality <= max(old.quality for old in near):
                return
            self.crops = [old for old in self.crops if old not in near]
        self.crops = sorted([*self.crops, crop], key=lambda old: -old.quality)[:MAX_CROPS]


class FaceTracker:
    """Joins detections to tracks.

    A pair whose boxes overlap well is joined. A pair that is only near is joined when `same`
    says that both show one person. Tracks end at cuts and after `MAX_GAP` seconds.
    """

    def __init__(self, same: Callable[[Look, Look], bool]) -> None:
        self._same = same
        self._open: list[Track] = []

    def advance(self, time: float, *, cut: bool) -> list[Track]:
        """Move to `time`; returns the tracks that have ended by then, all of them after a cut."""
        ended = [track for track in self._open if cut or time - track.looks[-1][0] > MAX_GAP]
        self._open = [track for track in self._open if track not in ended]
        return ended

    def extend(self, time: float, until: float) -> None:
        """The picture has not changed: every face seen at the last look is still there."""
        newest = max((track.looks[-1][0] for track in self._open), default=0.0)
        for track in self._open:
            if track.looks[-1][0] == newest:
                track.looks.append((time, track.looks[-1][1]))
                track.scores.append(track.scores[-1])
                track.end = until

    def update(
        self,
        time: float,
        until: float,
        looks: list[Look],
        *,
        steady: bool,
        starts: Callable[[Look], bool],
    ) -> list[Track | None]:
        """Add one frame's detections; `until` is when the next frame takes over.

        Without `steady` (the picture has changed much) place alone joins nothing.

        A detection that joins no track starts one if `starts` lets it: weak detections may
        continue a track but not start one (after ByteTrack, Zhang et al. 2022).

        Returns:
            The track of each detection in the order given, None for those left out.
        """
        pairs = sorted(
            (
                (cost, t, d)
                for t, track in enumerate(self._open)
                for d, look in enumerate(looks)
                if (cost := _cost(track.looks[-1][1], look.face.box)) is not None
            ),
            key=lambda pair: pair[0],
        )
        taken: dict[int, Track] = {}
        used: set[int] = set()
        for cost, t, d in pairs:
            if t in used or d in taken:
                continue
            track = self._open[t]
            short = time - track.looks[-1][0] <= _SHORT_GAP
            placed = steady and cost <= 1 - (_SURE_OVERLAP if short else _LONG_GAP_OVERLAP)
            if placed or (track.last is not None and self._same(track.last, looks[d])):
                used.add(t)
                taken[d] = track
        tracks: list[Track | None] = []
        for d, look in enumerate(looks):
            if d not in taken and not starts(look):
                tracks.append(None)
                continue
            track = taken.get(d) or Track()
            if d not in taken:
                self._open.append(track)
            track.looks.append((time, look.face.box))
            track.scores.append(look.face.score)
            track.end, track.last = until, look
            tracks.append(track)
        return tracks

    def close(self) -> list[Track]:
        """End all tracks."""
        ended, self._open = self._open, []
        return ended


def _cost(old: Box, new: Box) -> float | None:
    """0 (same place) to 1 for overlapping boxes, more for near ones, None for impossible ones."""
    overlap = old.iou(new)
    if overlap >= _SURE_OVERLAP:
        return 1.0 - overlap
    growth = np.sqrt(max(old.area, new.area) / max(1.0, min(old.area, new.area)))
    side = np.sqrt(np.sqrt(max(1.0, old.area) * max(1.0, new.area)))
    jump = np.hypot(old.x + old.w / 2 - new.x - new.w / 2, old.y + old.h / 2 - new.y - new.h / 2) / side
    if growth > _MAX_GROWTH or jump > _MAX_JUMP:
        return None
    return float(1.0 - overlap + jump)
