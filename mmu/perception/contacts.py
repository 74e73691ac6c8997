"""Where an object is on a body: in a hand, at the mouth, under the feet, ridden."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from numpy.typing import NDArray

from mmu.perception.body_shape import SEEN, point
from mmu.signals import Box

#: reach of each relation in torso lengths: full closeness up to half of it, none beyond
_REACH = {"hand": 0.35, "mouth": 0.35, "ear": 0.35, "foot": 0.6, "sole": 0.35}
#: an object larger than this many torso lengths is not held
_HELD_SIZE = 2.6

Points = NDArray[np.float64]


def closeness(relation: str, points: Points, visibility: NDArray[np.float64], unit: float, box: Box) -> float:
    """How well a box stands in a relation to one body in one frame, in [0, 1].

    Args:
        relation: one of `RELATIONS`.
        points: (33, 2) pixels.
        visibility: (33,).
        unit: length of the torso in pixels.
        box: of the object, in the same pixels.
    """
    return float(RELATIONS[relation](points, visibility >= SEEN, unit, box))


def _in_hand(points: Points, seen: NDArray[np.bool_], unit: float, box: Box) -> float:
    if max(box.w, box.h) > _HELD_SIZE * unit:
        return 0.0
    best = 0.0
    for side in ("left", "right"):
        if seen[point(f"{side}_wrist")]:
            wrist, finger = points[point(f"{side}_wrist")], points[point(f"{side}_index")]
            best = max(best, _near(wrist + 0.8 * (finger - wrist), box, _REACH["hand"] * unit))
    return best


def _at_mouth(points: Points, seen: NDArray[np.bool_], unit: float, box: Box) -> float:
    if not seen[point("mouth_left")] and not seen[point("mouth_right")]:
        return 0.0
    mouth = (points[point("mouth_left")] + points[point("mouth_right")]) / 2
    return min(_near(mouth, box, _REACH["mouth"] * unit), _in_hand(points, seen, unit, box))


def _at_ear(points: Points, seen: NDArray[np.bool_], unit: float, box: Box) -> float:
    ears = [points[point(name)] for name in ("left_ear", "right_ear") if seen[point(name)]]
    near = max((_near(ear, box, _REACH["ear"] * unit) for ear in ears), default=0.0)
    return min(near, _in_hand(points, seen, unit, box))


def _at_feet(points: Points, seen: NDArray[np.bool_], unit: float, box: Box) -> float:
    names = [f"{side}_{part}" for side in ("left", "right") for part in ("ankle", "foot_index", "knee")]
    places = [points[point(name)] for name in names if seen[point(name)]]
    return max((_near(place, box, _REACH["foot"] * unit) for place in places), default=0.0)


def _under_feet(points: Points, seen: NDArray[np.bool_], unit: float, box: Box) -> float:
    ankles = [point("left_ankle"), point("right_ankle")]
    if not seen[ankles].any():
        return 0.0
    feet = points[ankles].mean(axis=0)
    if (
        not box.x - 0.3 * unit <= feet[0] <= box.x + box.w + 0.3 * unit
        or box.y < points[ankles, 1].min() - unit
    ):
        return 0.0
    return _near(feet, box, _REACH["sole"] * unit)


def _astride(points: Points, seen: NDArray[np.bool_], unit: float, box: Box) -> float:
    """Hips over the object and above its middle, feet not below its bottom, the size of something ridden."""
    hips = [point("left_hip"), point("right_hip")]
    if not seen[hips].any() or max(box.w, box.h) < 1.2 * unit:
        return 0.0
    x, y = points[hips].mean(axis=0)
    if not box.x + 0.1 * box.w <= x <= box.x + 0.9 * box.w or not box.y - unit <= y <= box.y + 0.6 * box.h:
        return 0.0
    ankles = [points[point(f"{side}_ankle"), 1] for side in ("left", "right") if seen[point(f"{side}_ankle")]]
    standing = bool(ankles) and max(ankles) > box.y + 1.02 * box.h
    return 0.0 if standing else 1.0


RELATIONS: Mapping[str, Callable[[Points, NDArray[np.bool_], float, Box], float]] = {
    "in_hand": _in_hand,
    "at_mouth": _at_mouth,
    "at_ear": _at_ear,
    "at_feet": _at_feet,
    "under_feet": _under_feet,
    "astride": _astride,
}


def _near(place: Points, box: Box, reach: float) -> float:
    """1 within half of `reach` of the box, falling to 0 at `reach`."""
    dx = max(box.x - place[0], 0.0, place[0] - box.x - box.w)
    dy = max(box.y - place[1], 0.0, place[1] - box.y - box.h)
    distance = float(np.hypot(dx, dy))
    return float(np.clip(2 * (1 - distance / max(reach, 1e-6)), 0.0, 1.0))
