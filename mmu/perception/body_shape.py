"""What one pose, or a row of poses, looks like: angles, lengths, posture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.pose import LANDMARKS

_INDEX = {name: number for number, name in enumerate(LANDMARKS)}
#: visibility from which a point is used
SEEN = 0.5
_MIN_UNIT = 4.0


def point(name: str) -> int:
    """Index of a landmark."""
    return _INDEX[name]


def posture(points: NDArray[np.float32], visibility: NDArray[np.float32]) -> str | None:
    """`standing`, `sitting` or `lying` from points (33, 3); None where the legs are not seen."""
    needed = [point(f"{side}_{part}") for side in ("left", "right") for part in ("shoulder", "hip", "knee")]
    if float(visibility[needed].min()) < SEEN:
        return None
    shoulder, hip, knee = (
        points[[point(f"left_{part}"), point(f"right_{part}")]].mean(axis=0)
        for part in ("shoulder", "hip", "knee")
    )
    torso, thigh = hip - shoulder, knee - hip
    if abs(float(torso[1])) < 0.6 * abs(float(torso[0])):
        return "lying"
    # a thigh that points at the camera is short in the picture, as one that lies level is
    below = float(thigh[1]) / max(float(np.linalg.norm(torso[:2])), 1e-6)
    if below > 0.6:
        return "standing"
    return "sitting" if below < 0.4 else None


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """One person's poses in one shot, in order of time; n frames."""

    #: (n,) seconds
    times: NDArray[np.float64]
    #: (n, 33, 3) float64, pixels of the source frame
    points: NDArray[np.float64]
    #: (n, 33) float64 in [0, 1]
    visibility: NDArray[np.float64]

    @property
    def unit(self) -> float:
        """Length of the torso in pixels, or what the shoulders' width says of it."""
        shoulders = self.middle("shoulder")
        if self.seen("left_hip", "right_hip") >= 0.5:
            length = np.linalg.norm(self.middle("hip") - shoulders, axis=1)
        else:
            width = self.at("left_shoulder") - self.at("right_shoulder")
            length = 1.4 * np.linalg.norm(width, axis=1)
        return max(_MIN_UNIT, float(np.median(length)))

    def at(self, name: str) -> NDArray[np.float64]:
        """(n, 2) places of a point."""
        return self.points[:, point(name), :2]

    def middle(self, part: str) -> NDArray[np.float64]:
        """(n, 2) places between left and right."""
        return (self.at(f"left_{part}") + self.at(f"right_{part}")) / 2

    def seen(self, *names: str) -> float:
        """Share of the frames in which all the points are seen."""
        return float((self.visibility[:, [point(name) for name in names]].min(axis=1) >= SEEN).mean())

    def angle(self, a: str, b: str, c: str) -> NDArray[np.float64]:
        """(n,) degrees at `b` between `a` and `c`, depth included: 180 is stretched."""
        at = self.points[:, [point(a), point(b), point(c)]]
        one, two = at[:, 0] - at[:, 1], at[:, 2] - at[:, 1]
        lengths = np.linalg.norm(one, axis=1) * np.linalg.norm(two, axis=1)
        cosine = np.einsum("ij,ij->i", one, two) / np.maximum(lengths, 1e-6)
        return np.asarray(np.degrees(np.arccos(np.clip(cosine, -1, 1))), np.float64)

    def speed(self, *names: str) -> NDArray[np.float64]:
        """(n - 1,) mean speed of points against the middle of the shoulders, in torso lengths a second."""
        seconds = np.maximum(np.diff(self.times), 1e-3)
        centre = self.middle("shoulder")
        moved = [np.linalg.norm(np.diff(self.at(name) - centre, axis=0), axis=1) for name in names]
        return np.asarray(np.mean(moved, axis=0) / seconds / self.unit, np.float64)


def turns(values: Sequence[float] | NDArray[np.float64], swing: float) -> int:
    """How often a series goes from up to down or back by at least `swing`: 2 is there and back."""
    count, direction = 0, 0
    low = high = extreme = float(values[0]) if len(values) else 0.0
    for value in map(float, values):
        low, high = min(low, value), max(high, value)
        if direction == 0 and max(value - low, high - value) >= swing:
            direction, count, extreme = (1 if value - low >= swing else -1), 1, value
        elif direction and (value - extreme) * direction > 0:
            extreme = value
        elif direction and (extreme - value) * direction >= swing:
            direction, count, extreme = -direction, count + 1, value
    return count
