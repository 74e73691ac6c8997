"""Joins boxes of one label over time into tracks by overlap."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mmu.signals import Box


class Sighting(NamedTuple):
    """One box in one frame."""

    #: number of the look it was seen in
    look: int
    time: float
    shot: int
    label: str
    score: float
    box: Box


@dataclass
class ObjectTrack:
    """Sightings of one thing, in order of time."""

    label: str
    sightings: list[Sighting] = field(default_factory=list)

    @property
    def best(self) -> Sighting:
        return max(self.sightings, key=lambda s: s.score)

    def fits(self, sighting: Sighting, *, max_gap: int, min_iou: float) -> float:
        """How well a sighting continues the track: 0 for not at all, up to 1."""
        last = self.sightings[-1]
        gap = sighting.look - last.look
        if sighting.label != self.label or sighting.shot != last.shot or not 1 <= gap <= max_gap:
            return 0.0
        iou = last.box.iou(sighting.box)
        if iou >= min_iou:
            return iou
        # fast things leave their old box between two looks: accept a near one of like size
        reach = 0.5 * max(last.box.w, last.box.h, sighting.box.w, sighting.box.h)
        dx = abs(last.box.x + last.box.w / 2 - sighting.box.x - sighting.box.w / 2)
        dy = abs(last.box.y + last.box.h / 2 - sighting.box.y - sighting.box.h / 2)
        sizes = sorted((last.box.area + 1e-9, sighting.box.area + 1e-9))
        near = max(dx, dy) <= 2 * reach and sizes[0] / sizes[1] > 0.4
        return 0.5 * min_iou if near and gap == 1 else 0.0


def link(looks: Iterable[Sequence[Sighting]], *, max_gap: int = 3, min_iou: float = 0.2) -> list[ObjectTrack]:
    """Greedy linking, best fit first, within one shot and across at most `max_gap` looks."""
    tracks: list[ObjectTrack] = []
    live: list[ObjectTrack] = []
    for sightings in looks:
        if not sightings:
            continue
        now = sightings[0].look
        live = [track for track in live if now - track.sightings[-1].look <= max_gap]
        pairs = [
            (fit, t, s)
            for t, track in enumerate(live)
            for s, sighting in enumerate(sightings)
            if (fit := track.fits(sighting, max_gap=max_gap, min_iou=min_iou)) > 0
        ]
        pairs.sort(key=lambda pair: -pair[0])
        used_tracks: set[int] = set()
        used: set[int] = set()
        for _, t, s in pairs:
            if t not in used_tracks and s not in used:
                live[t].sightings.append(sightings[s])
                used_tracks.add(t)
                used.add(s)
        new = [ObjectTrack(x.label, [x]) for s, x in enumerate(sightings) if s not in used]
        tracks += new
        live += new
    return tracks
