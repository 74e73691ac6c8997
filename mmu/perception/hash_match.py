"""Decides from the hashes of two videos or pictures whether one is a copy, or holds part, of the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from mmu.perception.hashing import BITS, GRADIENT_BITS, VARIANTS, from_hex, variants

#: seconds and hexadecimal hash of each frame, as `report.originality.frames` has them
TimedHashes = Sequence[tuple[float, str]]

#: share of unlike bits at which two pictures are as likely the same as not
SAME = 0.19
#: ... and what a frame may differ where its neighbours in time agree with it
SAME_IN_STEP = 0.25
#: score from which two files should be taken for copies
THRESHOLD = 0.5
#: what an unlike gradient bit weighs when the gradients alone are compared
_LOCAL = 1.6
#: seconds by which matched frames may be out of step
_STEP = 1.1
#: share of the shorter file that must match for the full score
_ENOUGH = 0.3
#: mean unlikeness up to which frames need no further proof, and from which they need it in full
_PROOF = (0.03, 0.06)


class CopyMatch(NamedTuple):
    """How two files relate; at a `score` of `THRESHOLD` and above they share a picture or a passage."""

    score: float
    kind: Literal["none", "part", "whole"]
    #: share of the frames of each that the other has
    share_a: float
    share_b: float
    #: seconds to add to a time in `a` to find it in `b`
    offset: float
    #: how `b` is mirrored or turned against `a`, one of `hashing.VARIANTS`
    variant: str


class Hashed(Protocol):
    """What carries hashes as a report does: `originality.frames`, or `originality` None."""

    @property
    def originality(self) -> Any: ...


def same_source(a: Hashed, b: Hashed) -> bool:
    """Whether two reports are of copies of one picture or video, or share a passage."""
    if a.originality is None or b.originality is None:
        return False
    return similarity(a.originality.frames, b.originality.frames) >= THRESHOLD


def similarity(a: TimedHashes, b: TimedHashes) -> float:
    """Score in [0, 1] that `a` and `b` share a picture or a passage; see `compare`."""
    return compare(a, b).score


def compare(a: TimedHashes, b: TimedHashes) -> CopyMatch:
    """Compare two lists of frame hashes, under all eight ways of mirroring and turning.

    A picture against a picture or a video matches by its nearest frame; two videos match by
    frames that agree at one time offset, so that a passage cut out of a longer video is found.

    Raises:
        ValueError: a hash of another algorithm.
    """
    best = CopyMatch(0.0, "none", 0.0, 0.0, 0.0, "same")
    if not a or not b:
        return best
    times_a, bits_a = _unpack(a)
    times_b, bits_b = _unpack(b)
    turned = [variants(bits) for bits in bits_b]
    for name in VARIANTS:
        other = np.stack([versions[name] for versions in turned])
        match = _compare(times_a, bits_a, times_b, other, name)
        if match.score > best.score + 1e-9:
            best = match
    return best


def distances(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> NDArray[np.float32]:
    """How unlike hashes (n, 208) and (m, 208) are -> (n, m) float32, about 0.5 for strangers.

    The share of unlike bits, or of unlike gradient bits alone times `_LOCAL` where that is less: a
    logo disturbs all waves of a smooth picture, but only the few gradients it covers.
    """
    signs_a = np.where(a, 1, -1).astype(np.float32)
    signs_b = np.where(b, 1, -1).astype(np.float32)
    unlike = 0.5 - signs_a @ signs_b.T / (2 * BITS)
    cells = GRADIENT_BITS
    local = 0.5 - signs_a[:, :cells] @ signs_b[:, :cells].T / (2 * cells)
    return np.asarray(np.minimum(unlike, _LOCAL * local), dtype=np.float32)


def _unpack(frames: TimedHashes) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    times = np.array([time for time, _ in frames], dtype=np.float64)
    return times, np.stack([from_hex(text) for _, text in frames])


def _compare(
    times_a: NDArray[np.float64],
    bits_a: NDArray[np.bool_],
    times_b: NDArray[np.float64],
    bits_b: NDArray[np.bool_],
    variant: str,
) -> CopyMatch:
    apart = distances(bits_a, bits_b)
    if min(apart.shape) == 1:
        i, j = np.unravel_index(int(apart.argmin()), apart.shape)
        score = _likeness(float(apart[i, j]))
        share_a, share_b = (float((apart.min(axis=axis) <= SAME).mean()) for axis in (1, 0))
        offset = float(times_b[j] - times_a[i])
        return _match(score, share_a, share_b, offset, variant)
    steps = times_b[None, :] - times_a[:, None]
    offset = _offset(apart, steps)
    in_step = np.where(np.abs(steps - offset) <= _STEP, apart, 1.0)
    near_a, near_b = in_step.min(axis=1), in_step.min(axis=0)
    hit_a, hit_b = near_a <= SAME_IN_STEP, near_b <= SAME_IN_STEP
    share_a, share_b = float(hit_a.mean()), float(hit_b.mean())
    few = min(int(hit_a.sum()), int(hit_b.sum())) < min(3, *apart.shape)
    if few:
        return _match(0.0, share_a, share_b, offset, variant)
    mean = float(np.mean(near_a[hit_a]))
    pairs = bits_a[hit_a], bits_b[in_step[hit_a].argmin(axis=1)]
    score = _likeness(mean) * min(1.0, max(share_a, share_b) / _ENOUGH) * _agreement(mean, *pairs)
    return _match(score, share_a, share_b, offset, variant)


def _agreement(mean: float, a: NDArray[np.bool_], b: NDArray[np.bool_]) -> float:
    """Whether the hashes of matched frames (n, 208) change together over time, 0 to 1.

    Two takes in one studio look alike frame by frame, but what moves in them differs: the bits
    that change do not go together. In a copy they do, even under a logo or a crop.
    """
    need = float(np.clip((mean - _PROOF[0]) / (_PROOF[1] - _PROOF[0]), 0.0, 1.0))
    x = a - a.mean(axis=0)
    y = b - b.mean(axis=0)
    size = float(np.sqrt((x * x).sum() * (y * y).sum()))
    # nothing moves in at least one of them: there is no proof to be had either way
    together = float((x * y).sum()) / size if size > 1e-6 else 0.25
    return 1.0 - need * (1.0 - float(np.clip((together - 0.05) / 0.3, 0.0, 1.0)))


def _offset(apart: NDArray[np.float32], steps: NDArray[np.float64]) -> float:
    """Offset that most like pairs of frames agree on."""
    like = apart <= SAME_IN_STEP
    if not like.any():
        return 0.0
    found = np.sort(steps[like])
    ends = np.searchsorted(found, found + _STEP, side="right")
    most = int(np.argmax(ends - np.arange(len(found))))
    return float(np.median(found[most : ends[most]]))


def _likeness(apart: float) -> float:
    """1 for equal hashes, 0.5 at `SAME`, 0 at twice that."""
    return max(0.0, 1.0 - apart / (2 * SAME))


def _match(score: float, share_a: float, share_b: float, offset: float, variant: str) -> CopyMatch:
    kind: Literal["none", "part", "whole"] = "none"
    if score >= THRESHOLD:
        kind = "whole" if min(share_a, share_b) >= 0.8 else "part"
    return CopyMatch(score, kind, share_a, share_b, offset, variant)
