"""Groups the face tracks of one video into people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.signals import Span

#: a track of less quality joins people, but makes one of its own only if it is sure or lasting
_FOUNDER_QUALITY = 0.10
_SURE_SCORE, _SURE_SECONDS = 0.85, 1.5
_LASTING_SECONDS = 3.0


class TrackIdentity(NamedTuple):
    """What clustering needs to know of a track."""

    #: (128,) float32, L2-normalised
    embedding: NDArray[np.float32]
    quality: float
    #: mean score of the detector
    score: float
    span: Span


@dataclass(slots=True)
class _Cluster:
    total: NDArray[np.float64]
    members: list[int] = field(default_factory=list)

    def similarity(self, vector: NDArray[np.floating]) -> float:
        return float(self.total @ vector / max(1e-9, float(np.linalg.norm(self.total))))


def cluster_tracks(tracks: Sequence[TrackIdentity], *, threshold: float) -> list[list[int]]:
    """Indices of the tracks of each person, longest on screen first.

    Best tracks come first: each joins the nearest person whose weighted mean embedding is within
    `threshold` (cosine), or founds one. People are then merged by the same rule. Two tracks that
    are on screen at once are never one person. Short tracks of poor quality that match nobody
    are left out, unless there would be nobody. Time grows with tracks x people.
    """
    order = sorted(
        range(len(tracks)), key=lambda i: -tracks[i].quality * min(5.0, 1 + tracks[i].span.seconds)
    )
    clusters: list[_Cluster] = []
    for i in order:
        track = tracks[i]
        weighted = track.embedding.astype(np.float64) * max(track.quality, 0.02)
        best = max(
            (one for one in clusters if not _conflict(one.members, [i], tracks)),
            key=lambda one: one.similarity(track.embedding),
            default=None,
        )
        if best is not None and best.similarity(track.embedding) >= threshold:
            best.total += weighted
            best.members.append(i)
        elif _founds(track) or not clusters:
            clusters.append(_Cluster(weighted, [i]))
    _merge(clusters, tracks, threshold)
    groups = [sorted(one.members, key=lambda i: tracks[i].span) for one in clusters]
    return sorted(groups, key=lambda group: -sum(tracks[i].span.seconds for i in group))


def _founds(track: TrackIdentity) -> bool:
    seconds = track.span.seconds
    sure = track.score >= _SURE_SCORE and seconds >= _SURE_SECONDS
    return track.quality >= _FOUNDER_QUALITY or sure or seconds >= _LASTING_SECONDS


def _merge(clusters: list[_Cluster], tracks: Sequence[TrackIdentity], threshold: float) -> None:
    merged = True
    while merged and len(clusters) > 1:
        merged = False
        means = np.stack([one.total / max(1e-9, float(np.linalg.norm(one.total))) for one in clusters])
        cosines = means @ means.T
        np.fill_diagonal(cosines, -1.0)
        for flat in np.argsort(-cosines, axis=None):
            a, b = sorted(divmod(int(flat), len(clusters)))
            if cosines[a, b] < threshold:
                break
            if not _conflict(clusters[a].members, clusters[b].members, tracks):
                clusters[a].total += clusters[b].total
                clusters[a].members += clusters[b].members
                del clusters[b]
                merged = True
                break


def _conflict(one: Sequence[int], other: Sequence[int], tracks: Sequence[TrackIdentity]) -> bool:
    """Whether the two are seen together for longer than a rounding error."""
    return any(tracks[a].span.overlap(tracks[b].span) > 0.05 for a in one for b in other)
