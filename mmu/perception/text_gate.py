"""When a frame is worth a search for text: it differs from the last one, and where letters may have come."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

#: width and tile of the copy by which two frames are compared
_WIDTH, _TILE = 320, 16
#: long side of the copy in which edges are looked for, and the tiles over which they are averaged
_EDGE_SIDE, _EDGE_TILE = 480, 12
#: a thing that moves by up to a tile between two frames is not new
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_EDGES = np.ones((3, 3), np.uint8)


class ChangeGate:
    """Tells whether a frame differs from the last one that was looked at, in any place.

    Args:
        threshold: grey levels by which a 1/20-wide tile must differ.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._last: NDArray[np.float32] | None = None

    def changed(self, image: NDArray[np.uint8]) -> bool:
        """Whether `image`, (h, w, 3) uint8 BGR, differs; if so it is the next to compare with."""
        height = max(_TILE, round(image.shape[0] * _WIDTH / image.shape[1]))
        small = cv2.resize(image, (_WIDTH, height), interpolation=cv2.INTER_AREA)
        grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
        last, self._last = self._last, grey
        if last is None or last.shape != grey.shape:
            return True
        tiles = (_WIDTH // _TILE, max(1, height // _TILE))
        difference = cv2.resize(np.abs(grey - last), tiles, interpolation=cv2.INTER_AREA)
        if float(difference.max()) >= self._threshold:
            return True
        # Compare with the frame that was looked at, so that a slow fade adds up.
        self._last = last
        return False


class LetterGate:
    """Tells whether letters may have come since the last search: there are more edges than were near.

    Letters are dense in edges. A picture that only moves a little, or grows darker, has no tile with more
    of them than its neighbourhood had before. A text in the place of a known one does not show here.

    Args:
        threshold: grey levels by which the mean edge of two neighbouring tiles must have grown.
    """

    def __init__(self, threshold: float) -> None:
        self._threshold = threshold
        self._before: NDArray[np.float32] | None = None

    def searched(self, image: NDArray[np.uint8]) -> None:
        """Remember `image`, (h, w, 3) uint8 BGR: its text is known."""
        self._before = cv2.dilate(_edges(image), _NEIGHBOURS).astype(np.float32, copy=False)

    def may_have_come(self, image: NDArray[np.uint8]) -> bool:
        """Whether `image` may show letters that were not there at the last search."""
        now = _edges(image)
        if self._before is None or self._before.shape != now.shape:
            return True
        more = now - self._before
        # No letter comes alone: its neighbour, beside or below, has edges as well.
        pairs = max(float(cv2.blur(more, size).max()) for size in ((2, 1), (1, 2)))
        return pairs > self._threshold


def _edges(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Mean step between neighbouring pixels, tile by tile, of a copy of the picture."""
    height, width = image.shape[:2]
    scale = _EDGE_SIDE / max(height, width)
    size = max(_EDGE_TILE, round(width * scale)), max(_EDGE_TILE, round(height * scale))
    small = cv2.cvtColor(cv2.resize(image, size, interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY)
    steps = cv2.morphologyEx(small, cv2.MORPH_GRADIENT, _EDGES).astype(np.float32)
    tiles = size[0] // _EDGE_TILE, size[1] // _EDGE_TILE
    return np.asarray(cv2.resize(steps, tiles, interpolation=cv2.INTER_AREA), np.float32)
