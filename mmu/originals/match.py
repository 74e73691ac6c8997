"""Whether a video is a copy of one original: which way round, how fast, and which spans.

Frames that look alike vote for a clock (speed and offset) on which both videos run; along it, runs
of matching frames are the shared spans. Frames alone prove little where two videos show one studio:
so what changes from frame to frame must change in both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.originals.fingerprint import Fingerprint
from mmu.perception.hash_match import SAME, SAME_IN_STEP, distances
from mmu.perception.hashing import VARIANTS, variants

#: score from which a video counts as a copy
COPY = 0.40
#: speeds at which a copy may play, against the original
SPEEDS = np.round(np.arange(0.86, 1.161, 0.01), 2)
#: seconds by which matched frames may be off the clock, when one side is hashed densely
_TOLERANCE = 0.35
#: matching frames that a shared span needs, and its seconds
_LEAST_HITS, _LEAST_SECONDS = 3, 0.8
#: seconds without a matching frame that end a span, in steps of the sparser side
_GAP = 4.0
#: share of the frames within a span that must match
_DENSE = 0.5
#: most alike partners of a frame that vote
_VOTES = 6
#: combinations of view and orientation that are looked at closely
_TRIED = 4
#: unlikeness up to which frames need no further proof, and from which they need it in full
_PROOF = (0.02, 0.06)
#: what a copy without any motion is given in place of proof
_STILL_PROOF = 0.6


class SpanPair(NamedTuple):
    """A shared passage, in seconds of the video in question and of the original."""

    start: float
    end: float
    original_start: float
    original_end: float


@dataclass(frozen=True, slots=True)
class Copy:
    """How a video relates to one original."""

    #: 0 to 1; from `COPY` on it is a copy
    score: float
    spans: tuple[SpanPair, ...] = ()
    #: how the copy is mirrored or turned, one of `hashing.VARIANTS`
    variant: str = "same"
    #: 1.1 = plays 10% faster than the original
    speed: float = 1.0
    #: part of the original's picture that the copy shows, one of `fingerprint.VIEWS`; "" = all
    view: str = ""

    @property
    def seconds(self) -> float:
        """Seconds of the video in question that are copied."""
        return sum(span.end - span.start for span in self.spans)


Bits = NDArray[np.bool_]


class _Pairing(NamedTuple):
    """Unlikeness (n, m) of the original's frames and the query's, and the bits themselves."""

    apart: NDArray[np.float32]
    original: Bits
    query: Bits
    variant: str
    view: str


def find_copy(query: Fingerprint, original: Fingerprint, *, turned: Sequence[str] = VARIANTS) -> Copy:
    """Compare a video in question with one original.

    Args:
        query: the video in question.
        original: an original, best with all its views.
        turned: ways of mirroring and turning to try.
    """
    best = Copy(0.0)
    for pairing in _promising(query, original, turned):
        found = _judge(pairing, query, original)
        if found.score > best.score + 1e-6:
            best = found
    return best


def _promising(query: Fingerprint, original: Fingerprint, turned: Sequence[str]) -> list[_Pairing]:
    """The combinations of orientation and view in which most frames find a like one."""
    if not len(query.times) or not len(original.times):
        return []
    out: list[tuple[float, int, _Pairing]] = []
    asked = {"": query.hashes, **query.views}
    for packed in asked.values():
        upright = np.unpackbits(packed, axis=1).astype(bool)
        ways = [variants(bits) for bits in upright]
        for name in turned:
            bits = np.stack([way[name] for way in ways])
            for view, stored in {"": original.hashes, **original.views}.items():
                own = np.unpackbits(stored, axis=1).astype(bool)
                apart = distances(own, bits)
                near = np.minimum(apart.min(axis=1).mean(), apart.min(axis=0).mean())
                if apart.min() <= SAME_IN_STEP:
                    out.append((float(near), len(out), _Pairing(apart, own, bits, name, view)))
    return [pairing for _, _, pairing in sorted(out, key=lambda one: one[:2])[:_TRIED]]


def _judge(pairing: _Pairing, query: Fingerprint, original: Fingerprint) -> Copy:
    apart = pairing.apart
    if min(apart.shape) == 1:
        # one picture has no other frames to confirm it: it must be more alike
        score = _likeness(float(apart.min())) if apart.min() <= SAME else 0.0
        i, j = np.unravel_index(int(apart.argmin()), apart.shape)
        at, there = float(query.times[j]), float(original.times[i])
        return Copy(score, (SpanPair(at, at, there, there),), pairing.variant, 1.0, pairing.view)
    mine, its = query.times.astype(np.float64), original.times.astype(np.float64)
    speed, offset, tolerance = _clock(apart, mine, its)
    expected = its[:, None] - (mine * speed + offset)[None, :]
    in_step = np.where(np.abs(expected) <= tolerance, apart, 1.0)
    # the side with fewer frames a second is the one whose frames must all find a partner
    by_original = len(its) / max(np.ptp(its), 1.0) <= len(mine) / max(np.ptp(mine) * speed, 1.0)
    table = in_step if by_original else in_step.T
    partner, near = table.argmin(axis=1), table.min(axis=1)
    clock = its if by_original else mine * speed + offset
    other = mine * speed + offset if by_original else its
    shared = (clock >= other[0] - tolerance) & (clock <= other[-1] + tolerance)
    best, spans = 0.0, []
    for run in _runs(near <= SAME_IN_STEP, clock, shared):
        rows = partner[run]
        pair = (
            (pairing.original[run], pairing.query[rows])
            if by_original
            else (pairing.original[rows], pairing.query[run])
        )
        mean = float(near[run].mean())
        score = _likeness(mean) * _agreement(mean, *pair)
        if score < COPY:
            best = max(best, score)
            continue
        best = max(best, score)
        first, last = float(clock[run[0]]), float(clock[run[-1]])
        spans.append(SpanPair((first - offset) / speed, (last - offset) / speed, first, last))
    return Copy(best, tuple(spans), pairing.variant, round(speed, 3), pairing.view)


def _clock(
    apart: NDArray[np.float32], mine: NDArray[np.float64], its: NDArray[np.float64]
) -> tuple[float, float, float]:
    """Speed and offset that most like pairs of frames agree on, and the tolerance in seconds.

    A time t of the query is `speed * t + offset` in the original.
    """
    gaps = [float(np.median(np.diff(times))) for times in (mine, its)]
    tolerance = max(_TOLERANCE, 0.6 * min(gaps))
    chosen = np.zeros(apart.shape, bool)
    for axis in (0, 1):
        count = min(_VOTES, apart.shape[axis])
        nearest = np.argpartition(apart, count - 1, axis=axis).take(range(count), axis=axis)
        np.put_along_axis(chosen, nearest, True, axis=axis)
    rows, columns = np.nonzero(chosen & (apart <= SAME_IN_STEP))
    weights = (SAME_IN_STEP + 0.02 - apart[rows, columns]).astype(np.float64) ** 2
    best = (-1.0, 1.0, 0.0)
    for speed in sorted(SPEEDS, key=lambda value: abs(value - 1.0)):
        offsets = its[rows] - speed * mine[columns]
        order = np.argsort(offsets)
        total = np.concatenate([[0.0], np.cumsum(weights[order])])
        found = offsets[order]
        ends = np.searchsorted(found, found + tolerance, side="right")
        votes = total[ends] - total[:-1]
        at = int(votes.argmax())
        # a speed other than the natural one must explain the pairs clearly better
        if votes[at] > best[0] * (1.03 if best[0] > 0 else 1.0):
            inside = order[at : ends[at]]
            offset = float(np.average(offsets[inside], weights=weights[inside]))
            best = (float(votes[at]), float(speed), offset)
    return best[1], best[2], tolerance


def _runs(hit: Bits, clock: NDArray[np.float64], shared: Bits) -> list[NDArray[np.intp]]:
    """Indices of the matching frames of each shared span."""
    places = np.flatnonzero(hit & shared)
    if not len(places):
        return []
    step = float(np.median(np.diff(clock))) if len(clock) > 1 else 1.0
    breaks = np.flatnonzero(np.diff(clock[places]) > max(2.0, _GAP * step)) + 1
    least = min(_LEAST_HITS, int(shared.sum()), 3)
    out = []
    for run in np.split(places, breaks):
        inside = int(run[-1] - run[0]) + 1
        lasts = clock[run[-1]] - clock[run[0]] >= _LEAST_SECONDS
        if len(run) >= max(2, least) and len(run) / inside >= _DENSE and lasts:
            out.append(run)
    return out


def _agreement(mean: float, a: Bits, b: Bits) -> float:
    """Whether the hashes of matched frames (n, 208) change together over time, 0 to 1."""
    need = float(np.clip((mean - _PROOF[0]) / (_PROOF[1] - _PROOF[0]), 0.0, 1.0))
    x, y = a - a.mean(axis=0), b - b.mean(axis=0)
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    if size < 1e-6:
        return 1.0 - need * (1.0 - _STILL_PROOF)
    together = float((x * y).sum()) / size
    return 1.0 - need * (1.0 - float(np.clip((together - 0.05) / 0.3, 0.0, 1.0)))


def _likeness(apart: float) -> float:
    """1 for equal hashes, 0.5 at `SAME`, 0 at twice that."""
    return max(0.0, 1.0 - apart / (2 * SAME))
