"""How well a face crop serves recognition: size, frontality, sharpness and light, each in [0, 1]."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: a face of this many pixels (geometric mean of its sides) or more loses nothing by its size
_FULL_SIZE = 96.0
#: Laplacian variance of the aligned grey chip at which a face counts as half sharp
_HALF_SHARP = 60.0


def size_quality(width: float, height: float) -> float:
    """1 for a face of 96 pixels or more, falling linearly to 0."""
    return float(min(1.0, np.sqrt(max(width, 0.0) * max(height, 0.0)) / _FULL_SIZE))


def frontality(points: NDArray[np.float32]) -> float:
    """1 when the nose tip lies midway between the eyes, 0 at a full profile.

    Args:
        points: (5, 2) pixels: right eye, left eye, nose tip, right and left mouth corner.
    """
    right, left, nose = points[0], points[1], points[2]
    axis = left - right
    length = float(np.hypot(axis[0], axis[1]))
    if length < 1.0:
        return 0.0
    along = float((nose - right) @ axis) / length**2
    return float(np.clip(1.0 - 2.0 * abs(along - 0.5), 0.0, 1.0))


def chip_quality(chip: NDArray[np.uint8]) -> float:
    """Sharpness times light of an aligned chip.

    Args:
        chip: (112, 112, 3) uint8 BGR.
    """
    grey = cv2.cvtColor(chip, cv2.COLOR_BGR2GRAY)
    variance = float(cv2.Laplacian(grey, cv2.CV_32F).var())
    sharp = variance / (variance + _HALF_SHARP)
    contrast = min(1.0, float(grey.std()) / 40.0)
    return sharp * contrast


def face_quality(
    chip: NDArray[np.uint8], box: tuple[float, float, float, float], points: NDArray[np.float32], score: float
) -> float:
    """Overall worth of a crop in [0, 1]: a product, so that one bad property is enough to spoil it.

    Args:
        chip: (112, 112, 3) uint8 BGR, aligned.
        box: x, y, w, h in pixels of the picture the chip was cut from.
        points: (5, 2) pixels in the same picture.
        score: the detector's score.
    """
    front = 0.25 + 0.75 * frontality(points)
    crisp = 0.25 + 0.75 * chip_quality(chip)
    return float(np.clip(size_quality(box[2], box[3]) * front * crisp * score, 0.0, 1.0))
