"""Reads which fingers of a hand are stretched, and names the shapes that this alone decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

#: first landmark of index, middle, ring and little finger: knuckle, two joints, tip follow each other
_FINGERS = (5, 9, 13, 17)

#: (thumb, index, middle, ring, little) stretched -> name of the shape
_SHAPES: tuple[tuple[tuple[bool, ...], str], ...] = (
    ((True, False, False, False, True), "call"),
    ((False, True, True, True, True), "four"),
    ((False, True, False, False, True), "rock"),
    ((True, True, False, False, True), "ILoveYou"),
    ((False, True, True, True, False), "three"),
    ((True, True, True, False, False), "three"),
    ((False, True, True, False, False), "Victory"),
    ((True, True, False, False, False), "Finger_Gun"),
    ((True, True, True, True, True), "Open_Palm"),
    ((False, False, False, False, False), "Closed_Fist"),
    ((False, False, False, False, True), "Little_Finger"),
)
#: shapes that resting or working hands do not make by chance, and that the classifier does not know
DELIBERATE = frozenset({"call", "four", "rock", "three", "ok"})
#: shapes that the classifier knows but misses when it is unsure
_SHARED = frozenset({"Victory", "ILoveYou"})
_CLASSIFIER_SURE, _CLASSIFIER_ENOUGH = 0.85, 0.60
_SHARED_FIT = 0.75
#: radians from pointing up within which a shape is shown rather than hanging down
_UPRIGHT = 1.9


def gesture(
    world: NDArray[np.float32], named: str, share: float, rotation: float
) -> tuple[str | None, float]:
    """The gesture that a hand shows and a score in [0, 1]; None for a hand that shows none.

    Args:
        world: (21, 3) hand landmarks with depth.
        named: what the gesture classifier says; "None" when it knows no name.
        share: the classifier's probability of it.
        rotation: radians by which the hand is turned from pointing up.
    """
    known = named != "None"
    if known and share >= _CLASSIFIER_SURE:
        return named, share
    name, fit = shape(stretched(world), touching=_touching(world))
    upright = abs((rotation + np.pi) % (2 * np.pi) - np.pi) <= _UPRIGHT
    if name in DELIBERATE and upright:
        return name, fit
    if known and share >= _CLASSIFIER_ENOUGH:
        return named, share
    if name in _SHARED and upright and fit >= _SHARED_FIT:
        return name, fit
    return None, 0.0


def stretched(world: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each of the five fingers is stretched, thumb first: (5,) float32 in [0, 1].

    Args:
        world: (21, 3) hand landmarks of MediaPipe's order on any scale, with depth.
    """
    values = [_ramp(_thumb_reach(world), 0.80, 1.15)]
    for start in _FINGERS:
        knuckle, joint, third, tip = world[start : start + 4]
        bend = _cosine(joint - knuckle, tip - third)
        reach = _length(tip - world[0]) / max(1e-6, _length(joint - world[0]))
        values.append(min(_ramp(bend, -0.2, 0.6), _ramp(reach, 0.85, 1.15)))
    return np.array(values, np.float32)


def shape(fingers: NDArray[np.float32], *, touching: bool = False) -> tuple[str | None, float]:
    """The best fitting shape and how well it fits, in [0, 1]; None when no shape fits.

    The score is the least certain finger's.

    Args:
        fingers: (5,) as `stretched` gives them.
        touching: the tips of thumb and index finger touch.
    """
    if touching:
        ring = float(min(fingers[2:]))
        return ("ok", ring) if ring >= 0.5 else (None, ring)
    best: tuple[str | None, float] = (None, 0.0)
    for pattern, name in _SHAPES:
        fits = [value if wanted else 1.0 - value for value, wanted in zip(fingers, pattern, strict=True)]
        if min(fits) > best[1]:
            best = (name, float(min(fits)))
    return best if best[1] >= 0.5 else (None, best[1])


def _thumb_reach(world: NDArray[np.float32]) -> float:
    """Distance of the thumb's tip from the little finger's knuckle, in widths of thumb base to there."""
    far = world[17]
    return _length(world[4] - far) / max(1e-6, _length(world[2] - far))


def _touching(world: NDArray[np.float32]) -> bool:
    return _length(world[4] - world[8]) < 0.25 * _length(world[9] - world[0])


def _length(vector: NDArray[np.float32]) -> float:
    return float(np.linalg.norm(vector))


def _cosine(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    return float(a @ b) / max(1e-9, _length(a) * _length(b))


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
