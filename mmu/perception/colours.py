"""Names for the colours that a picture is made of."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

NAMES = (
    "black",
    "white",
    "grey",
    "red",
    "orange",
    "yellow",
    "green",
    "cyan",
    "blue",
    "purple",
    "pink",
    "brown",
)
#: upper hue (OpenCV's half degrees) of each colour of the circle, from red on
_HUES = (
    (8, "red"),
    (20, "orange"),
    (34, "yellow"),
    (82, "green"),
    (98, "cyan"),
    (128, "blue"),
    (150, "purple"),
)


class ColourShare(NamedTuple):
    """One colour of a picture: its share of the pixels and its mean as (red, green, blue) 0..255."""

    name: str
    share: float
    rgb: tuple[int, int, int]


def colour_shares(images: list[NDArray[np.uint8]]) -> list[ColourShare]:
    """Colours of pictures (h, w, 3) uint8 BGR taken together, commonest first."""
    counts = np.zeros(len(NAMES))
    sums = np.zeros((len(NAMES), 3))
    for image in images:
        codes = _codes(image)
        counts += np.bincount(codes, minlength=len(NAMES)) / codes.size / len(images)
        for channel in range(3):
            values = image[:, :, channel].ravel().astype(np.float64)
            sums[:, channel] += np.bincount(codes, values, len(NAMES)) / codes.size / len(images)
    out = []
    for place in np.argsort(-counts):
        if counts[place] > 0:
            blue, green, red = (round(v) for v in sums[place] / counts[place])
            out.append(ColourShare(NAMES[place], float(counts[place]), (red, green, blue)))
    return out


def _codes(image: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Number of the colour name of each pixel, (h * w,)."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV).reshape(-1, 3).astype(np.int32)
    hue, sat, val = hsv[:, 0], hsv[:, 1], hsv[:, 2]
    codes = np.full(len(hsv), NAMES.index("red"), dtype=np.int64)
    low = 0
    for high, name in _HUES:
        codes[(hue >= low) & (hue < high)] = NAMES.index(name)
        low = high
    codes[(hue >= 150) & (hue < 172)] = NAMES.index("pink")
    codes[((hue < 5) | (hue >= 172)) & (sat < 130) & (val >= 170)] = NAMES.index("pink")
    codes[(hue >= 5) & (hue < 25) & ((val < 150) | (sat < 120))] = NAMES.index("brown")
    plain = (sat < 40) | ((sat < 70) & (val < 80))
    codes[plain] = NAMES.index("grey")
    codes[plain & (val >= 200)] = NAMES.index("white")
    codes[val < 45] = NAMES.index("black")
    return codes
