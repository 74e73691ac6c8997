"""Finds the picture inside black bars (letterbox, pillarbox) or an even border."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

#: grey level up to which a bar counts as black
_BLACK = 24
#: spread of grey within an even border of any shade
_EVEN = 3.0


class Area(NamedTuple):
    """Part of a picture in pixels; (x, y) is the top left corner."""

    x: int
    y: int
    w: int
    h: int

    def cut(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        return image[self.y : self.y + self.h, self.x : self.x + self.w]


def picture_area(image: NDArray[np.uint8], *, black_only: bool = True) -> Area:
    """The picture without its bars, of a frame (h, w, 3) or (h, w) uint8.

    A line belongs to a bar when nearly all of it is black or, unless
    `black_only`, of one even shade that the frame's edge has. A frame that would
    be bars altogether is returned whole.
    """
    grey = np.asarray(image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    height, width = grey.shape
    if min(height, width) < 16:
        return Area(0, 0, width, height)
    top, bottom = _edges(grey, black_only)
    if bottom - top < 0.2 * height:
        return Area(0, 0, width, height)
    left, right = _edges(grey[top:bottom].T, black_only)
    if right - left < 0.2 * width:
        return Area(0, 0, width, height)
    return Area(left, top, right - left, bottom - top)


def common_area(areas: Iterable[Area]) -> Area:
    """The smallest area that holds all of `areas`: bars that are there in every frame."""
    boxes = np.array([(a.x, a.y, a.x + a.w, a.y + a.h) for a in areas])
    left, top = boxes[:, 0].min(), boxes[:, 1].min()
    return Area(int(left), int(top), int(boxes[:, 2].max() - left), int(boxes[:, 3].max() - top))


def _edges(grey: NDArray[np.uint8], black_only: bool) -> tuple[int, int]:
    """First and one past the last line (row) that belong to the picture."""
    high = np.percentile(grey, 98, axis=1)
    bar = high <= _BLACK
    if not black_only:
        low = np.percentile(grey, 2, axis=1)
        even = high - low <= 2 * _EVEN
        first, last = float(np.median(grey[0])), float(np.median(grey[-1]))
        middle = (high + low) / 2
        top_like = even & (np.abs(middle - first) <= 2 * _EVEN)
        bottom_like = even & (np.abs(middle - last) <= 2 * _EVEN)
    else:
        top_like = bottom_like = np.zeros(len(bar), dtype=bool)
    start = _run(bar | top_like)
    return start, len(bar) - _run((bar | bottom_like)[::-1])


def _run(mask: NDArray[np.bool_]) -> int:
    """Length of the run of true values at the start."""
    stops = np.flatnonzero(~mask)
    return int(stops[0]) if len(stops) else len(mask)
