"""Which sampled frames are worth a look, and how what was seen becomes spans."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.signals import Span

if TYPE_CHECKING:
    from mmu.media.clip import Clip


class Looks(NamedTuple):
    """Frames to look at; each stands for the time until the next one."""

    #: (n,) int64, indices into the clip's sampled frames, ascending
    indices: NDArray[np.int64]
    #: (n,) float64, seconds
    times: NDArray[np.float64]
    #: (n,) float64, seconds each look stands for, cut at shot borders; 1 for a still
    seconds: NDArray[np.float64]
    #: (n,) int64, number of the shot of each look
    shots: NDArray[np.int64]
    #: (n,) float64, end of the time each look stands for
    ends: NDArray[np.float64]


def choose_looks(clip: Clip, *, limit: int, min_change: float = 0.04, max_gap: float = 10.0) -> Looks:
    """Pick at most `limit` sampled frames: the first of each shot, and those that differ enough.

    A frame is taken when the changes since the last one taken add up to
    `min_change` (mean absolute grey difference, 0..1), or after `max_gap` seconds
    in which the picture is not quite still. Past the limit, looks are thinned evenly.
    """
    times = np.asarray(clip.times, dtype=np.float64)
    if len(times) == 0:
        return Looks(*(np.zeros(0, dtype=t) for t in (np.int64, float, float, np.int64, float)))
    change = np.asarray(clip.change, dtype=np.float64)
    shot = np.searchsorted(np.asarray(clip.cuts, dtype=np.float64), times + 1e-6, side="right")
    chosen = [0]
    moved = 0.0
    for i in range(1, len(times)):
        moved += float(change[i])
        stale = times[i] - times[chosen[-1]] >= max_gap and moved > min_change / 4
        if shot[i] != shot[chosen[-1]] or moved >= min_change or stale:
            chosen.append(i)
            moved = 0.0
    indices = np.array(chosen, dtype=np.int64)
    if len(indices) > limit:
        indices = indices[np.linspace(0, len(indices) - 1, limit).round().astype(np.int64)]
    return _looks(clip, times, shot, indices)


def _looks(
    clip: Clip, times: NDArray[np.float64], shot: NDArray[np.int64], indices: NDArray[np.int64]
) -> Looks:
    at, shots = times[indices], shot[indices].astype(np.int64)
    end = max(float(clip.duration), float(times[-1]))
    ends = np.append(at[1:], end)
    cuts = np.append(np.asarray(clip.cuts, dtype=np.float64), end)
    ends = np.minimum(ends, np.maximum(cuts[np.minimum(shots, len(cuts) - 1)], at))
    seconds = np.maximum(ends - at, 1e-3) if end > 0 else np.ones(len(at))
    return Looks(indices, at, seconds, shots, ends)


def stretches(
    looks: Looks, seen: NDArray[np.bool_], *, gap: float = 1.5
) -> list[tuple[Span, NDArray[np.int64]]]:
    """Spans in which something was seen, each with the positions of its looks.

    Runs of looks join across at most `gap` seconds in which it was not seen.
    """
    found: list[tuple[Span, list[int]]] = []
    for position in np.flatnonzero(seen):
        span = Span(float(looks.times[position]), float(looks.ends[position]))
        if found and span.start - found[-1][0].end <= gap:
            found[-1] = (Span(found[-1][0].start, span.end), [*found[-1][1], int(position)])
        else:
            found.append((span, [int(position)]))
    return [(span, np.array(positions, dtype=np.int64)) for span, positions in found]


def whole(clip: Clip) -> Span | None:
    """The span of the whole clip; None for a still picture."""
    return Span(0.0, float(clip.duration)) if clip.duration > 0 else None


def best_shot(looks: Looks, scores: NDArray[np.floating]) -> NDArray[np.float64]:
    """Highest mean over one shot of per-look scores (n, k) -> (k,), weighted by time.

    A shot that lasts under a second counts for its share of a second.
    """
    best = np.zeros(scores.shape[1])
    for number in np.unique(looks.shots):
        mask = looks.shots == number
        weight = looks.seconds[mask]
        trust = min(1.0, float(weight.sum())) if len(looks.times) > 1 else 1.0
        best = np.maximum(best, trust * (weight @ scores[mask]) / weight.sum())
    return best
