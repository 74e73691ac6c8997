"""Videos by what their keyframes show, asked for in words: vectors of one network of pictures and texts.

Exact cosines over all keyframes of the reports given. That is a matter of milliseconds up to some hundred
thousand keyframes; beyond it the vectors belong into an index of their own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmu.report.schema import Report
from mmu.signals import Signal

Vectors = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """One video that answers, by its keyframe that answers best."""

    id: str
    uri: str
    #: cosine of the text and the keyframe: for order, not a probability
    score: float
    #: seconds of the keyframe
    time: float


@dataclass(frozen=True, slots=True)
class Pictures:
    """Keyframe vectors of many videos, of one network."""

    #: id and URI of each video
    videos: tuple[tuple[str, str], ...]
    #: (n, d) float32, L2-normalised
    vectors: Vectors
    #: (n,) number of the video, and seconds
    owners: NDArray[np.int64]
    times: NDArray[np.float64]
    #: videos whose report has no vector of this network
    without: int

    @classmethod
    def of(cls, reports: Iterable[Report], source: str) -> Pictures:
        """Take the vectors of `source` (`ADAPTER:MODEL@VERSION`); of a video named twice, the last's."""
        rows: dict[str, tuple[str, list[tuple[float, Vectors]]]] = {}
        without: set[str] = set()
        for report in reports:
            found = [
                (float(one.attributes["time"]), np.asarray(one.embedding, np.float32))
                for one in map(Signal.from_json, report.signals)
                if one.kind == "image.embedding" and one.source == source and one.embedding is not None
            ]
            (without.discard if found else without.add)(report.id)
            if found:
                rows[report.id] = (report.uri, found)
        frames = [frame for _, found in rows.values() for frame in found]
        return cls(
            tuple((name, uri) for name, (uri, _) in rows.items()),
            np.stack([vector for _, vector in frames]) if frames else np.zeros((0, 0), np.float32),
            np.repeat(np.arange(len(rows)), [len(found) for _, found in rows.values()]),
            np.array([time for time, _ in frames]),
            len(without - rows.keys()),
        )

    def search(self, text: Vectors, limit: int = 10) -> list[Found]:
        """Videos nearest to the vector (d,) of a text, best first."""
        if not len(self.vectors):
            return []
        cosines = self.vectors @ text
        best = np.full(len(self.videos), -np.inf)
        np.maximum.at(best, self.owners, cosines)
        out = []
        for video in np.argsort(-best, kind="stable")[:limit]:
            own = np.flatnonzero(self.owners == video)
            at = own[int(np.argmax(cosines[own]))]
            name, uri = self.videos[video]
            out.append(Found(name, uri, float(cosines[at]), float(self.times[at])))
        return out
