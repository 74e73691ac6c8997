"""What MediaPipe's one-shot detectors (palms, bodies) share: letter-boxed input, anchors, decoding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray


class Detection(NamedTuple):
    """One detection in pixels of the picture."""

    #: side of the larger extent of its box
    side: float
    #: (2,) float32, centre of the box
    centre: NDArray[np.float32]
    #: (k, 2) float32, key points
    points: NDArray[np.float32]
    score: float


class SsdFrame:
    """A picture fitted into a square network input of `side` pixels, and the way back."""

    def __init__(self, image: NDArray[np.uint8], side: int, *, low: float = 0.0) -> None:
        """`low`: what black becomes; white becomes 1."""
        height, width = image.shape[:2]
        self.side, self.longest = side, max(height, width)
        self.scale = side / self.longest
        size = (max(1, round(width * self.scale)), max(1, round(height * self.scale)))
        how = cv2.INTER_AREA if self.scale < 1 else cv2.INTER_LINEAR
        shrunk = np.asarray(cv2.resize(image, size, interpolation=how))
        left, top = (side - size[0]) // 2, (side - size[1]) // 2
        self._origin = np.array([left, top], np.float32)
        #: (1, side, side, 3) float32 RGB
        self.pixels = np.full((1, side, side, 3), low, np.float32)
        content = shrunk[:, :, ::-1].astype(np.float32) / 255.0 * (1.0 - low) + low
        self.pixels[0, top : top + size[1], left : left + size[0]] = content

    def detections(
        self,
        raw: NDArray[np.float32],
        logits: NDArray[np.float32],
        anchors: NDArray[np.float32],
        *,
        score_threshold: float,
        overlap: float,
    ) -> list[Detection]:
        """Decode raw outputs (1, n, 4 + 2k) and (1, n, 1), drop doubles, best first."""
        scores = 1.0 / (1.0 + np.exp(-np.clip(logits[0, :, 0], -60.0, 60.0)))
        keep = np.flatnonzero(scores >= score_threshold)
        if not len(keep):
            return []
        values = raw[0, keep].reshape(len(keep), -1, 2) / self.side
        moved = [0, *range(2, values.shape[1])]
        values[:, moved] += anchors[keep, None]
        corners = np.concatenate([values[:, 0] - values[:, 1] / 2, values[:, 1]], axis=1)
        chosen = cv2.dnn.NMSBoxes(corners.tolist(), scores[keep].tolist(), score_threshold, overlap)
        found = [
            Detection(
                float(values[i, 1].max()) * self.longest,
                self._to_picture(values[i, 0]),
                self._to_picture(values[i, 2:]),
                float(scores[keep[i]]),
            )
            for i in np.asarray(chosen).reshape(-1)
        ]
        return sorted(found, key=lambda one: -one.score)

    def _to_picture(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.asarray((points * self.side - self._origin) / self.scale, np.float32)


def anchor_grid(side: int, layers: Sequence[tuple[int, int]]) -> NDArray[np.float32]:
    """(n, 2) centres in [0, 1], for layers of (stride, anchors a cell)."""
    grids = []
    for stride, count in layers:
        cells = side // stride
        ys, xs = np.mgrid[0:cells, 0:cells]
        centres = (np.stack([xs, ys], axis=-1).reshape(-1, 2) + 0.5) / cells
        grids.append(np.repeat(centres, count, axis=0))
    return np.concatenate(grids).astype(np.float32)
