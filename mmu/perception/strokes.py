"""Whether a line of text still stands where it was, told by its strokes and without reading it."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.signals import Box

_ROWS = 24
_LONGEST = 960
#: strokes are what differs from the brightness around, at this share of the line's height
_BLUR = 1 / 6
#: a cell with less of the line's mean energy is a space
_BLANK = 0.15
#: mean square of the grey levels below which there are no strokes
_FLAT = 4.0


def strokes(image: NDArray[np.uint8], box: Box, *, length: int | None = None) -> NDArray[np.float32]:
    """The line in a box without its background: (24, length) float32, columns of text turned to lie.

    Args:
        image: (h, w, 3) uint8 BGR.
        box: pixels of the image.
        length: as another's, to compare the two; by default from the shape of the box.
    """
    height, width = image.shape[:2]
    top, left = min(max(0, int(box.y)), height - 1), min(max(0, int(box.x)), width - 1)
    crop = image[top : min(height, int(box.y + box.h) + 1), left : min(width, int(box.x + box.w) + 1)]
    grey = cv2.cvtColor(crop, cv2.COLOR_BGR2GRAY)
    if box.h > box.w:
        grey = np.ascontiguousarray(grey.T)
    if length is None:
        length = int(np.clip(round(_ROWS * grey.shape[1] / grey.shape[0]), _ROWS, _LONGEST))
    small = cv2.resize(grey, (length, _ROWS), interpolation=cv2.INTER_AREA).astype(np.float32)
    return (small - cv2.GaussianBlur(small, (0, 0), _ROWS * _BLUR)).astype(np.float32, copy=False)


def resemblance(known: NDArray[np.float32], now: NDArray[np.float32]) -> float:
    """Correlation of the strokes in the place where they agree least, in [-1, 1]; 0 where there are none.

    The line is cut into cells as long as it is high, so that one other
    character shows however long the line is.
    """
    starts = np.arange(0, known.shape[1] - _ROWS // 2, _ROWS)
    both, one, other = (
        np.add.reduceat((a * b).sum(axis=0), starts)
        for a, b in ((known, now), (known, known), (now, now))
    )  # fmt: skip
    if float(one.sum()) < _FLAT * known.size:
        return 0.0
    inked = np.maximum(one, other) >= _BLANK * float(one.mean())
    return float((both[inked] / np.maximum(1e-6, np.sqrt(one[inked] * other[inked]))).min())
