"""The 80 object classes of COCO with boxes, by EfficientDet-Lite0.

M. Tan, R. Pang, Q. Le, "EfficientDet: Scalable and Efficient Object Detection", 2020; weights as
MediaPipe distributes them (int8). The file ends at raw class scores and box offsets, so anchors
and non-maximum suppression are done here.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.litert import LiteRtModel

_SIDE = 320
_LEVELS = range(3, 8)
_ANCHOR_SCALE = 3.0
_ASPECTS = (1.0, 2.0, 0.5)
_NO_CLASS = "???"
_MAX_CANDIDATES = 200
#: share of the long side that a half covers, what it must be surer by, and pixels at which a box is cut
_HALF = 0.56
_HALF_SURER = 0.1
_CUT = 3


class ObjectBox(NamedTuple):
    """One object found: x, y (top left), w, h in pixels of the picture given."""

    label: str
    score: float
    x: float
    y: float
    w: float
    h: float


class ObjectDetector:
    """EfficientDet-Lite0; `labels` are the 80 COCO names.

    Raises:
        ModelError: a damaged or different file.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            content = path.read_bytes()
            with zipfile.ZipFile(io.BytesIO(content)) as metadata:
                self._names = metadata.read("labels.txt").decode("utf-8").splitlines()
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path} has no COCO labels: {error}; run `mmu models pull`") from error
        self.labels = [name for name in self._names if name != _NO_CLASS]
        self._model = LiteRtModel(content, threads)
        self._anchors = _anchors()

    def detect(
        self, image: NDArray[np.uint8], *, threshold: float = 0.3, max_objects: int = 40
    ) -> list[ObjectBox]:
        """Objects of a picture (h, w, 3) uint8 BGR with at least `threshold`, best first."""
        height, width = image.shape[:2]
        shrink = min(height, width) > _SIDE
        small = cv2.resize(
            image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_LINEAR
        )
        outputs = self._model.run(((small[:, :, ::-1].astype(np.float32) - 127) / 128)[None])
        scores = next(out[0] for out in outputs if out.shape[-1] == len(self._names))
        offsets = next(out[0] for out in outputs if out.shape[-1] == 4)
        # Of millions of scores few are kept: numpy finds them in a flat array ten times as fast.
        places, classes = np.divmod(np.flatnonzero(scores >= threshold), scores.shape[1])
        values = scores[places, classes]
        best = np.argsort(-values)[:_MAX_CANDIDATES]
        places, classes, values = places[best], classes[best], values[best]
        boxes = _decode(offsets[places], self._anchors[places])
        boxes *= np.array([width, height, width, height], dtype=np.float32)
        keep = cv2.dnn.NMSBoxesBatched(
            boxes.tolist(), values.tolist(), classes.astype(int).tolist(), threshold, 0.5
        )
        return [
            ObjectBox(self._names[classes[i]], float(values[i]), *(float(v) for v in boxes[i]))
            for i in np.asarray(keep, dtype=int).ravel()[:max_objects]
            if self._names[classes[i]] != _NO_CLASS
        ]

    def detect_closely(
        self, image: NDArray[np.uint8], *, threshold: float = 0.25, max_objects: int = 60
    ) -> list[ObjectBox]:
        """As `detect`, from four looks: the picture, its mirror image and its two overlapping halves.

        Small things are twice as large in a half. A box that a half cuts through is left to the
        other looks, and a half must be surer than the whole.
        """
        height, width = image.shape[:2]
        mirrored = np.ascontiguousarray(image[:, ::-1])
        found = self.detect(image, threshold=threshold)
        found += [one._replace(x=width - one.x - one.w) for one in self.detect(mirrored, threshold=threshold)]
        long = max(height, width)
        part = round(_HALF * long)
        for start in (0, long - part):
            wide = width >= height
            half = image[:, start : start + part] if wide else image[start : start + part]
            for one in self.detect(np.ascontiguousarray(half), threshold=threshold + _HALF_SURER):
                low, high = (one.x, one.x + one.w) if wide else (one.y, one.y + one.h)
                if (start > 0 and low < _CUT) or (start == 0 and high > part - _CUT):
                    continue
                shifted = one._replace(x=one.x + start) if wide else one._replace(y=one.y + start)
                found.append(shifted)
        return _distinct(found)[:max_objects]


def _distinct(found: list[ObjectBox]) -> list[ObjectBox]:
    """Best first; of boxes of one label that overlap by half, the surest."""
    kept: list[ObjectBox] = []
    for label in {one.label for one in found}:
        own = [one for one in found if one.label == label]
        keep = cv2.dnn.NMSBoxes([list(one[2:]) for one in own], [one.score for one in own], 0.0, 0.5)
        kept += [own[i] for i in np.asarray(keep, dtype=int).ravel()]
    return sorted(kept, key=lambda one: -one.score)


def _anchors() -> NDArray[np.float32]:
    """Anchors (19206, 4) float32 as centre y, centre x, height, width in shares of the input."""
    levels = []
    for level in _LEVELS:
        stride = 2**level
        count = -(-_SIDE // stride)
        ys, xs = np.meshgrid(np.arange(count), np.arange(count), indexing="ij")
        cells = []
        for octave in range(3):
            size = _ANCHOR_SCALE * stride * 2 ** (octave / 3)
            for aspect in _ASPECTS:
                h = np.full(ys.shape, size / np.sqrt(aspect))
                w = np.full(ys.shape, size * np.sqrt(aspect))
                cells.append(np.stack([(ys + 0.5) * stride, (xs + 0.5) * stride, h, w], axis=-1))
        levels.append(np.stack(cells, axis=2).reshape(-1, 4))
    return (np.concatenate(levels) / _SIDE).astype(np.float32)


def _decode(offsets: NDArray[np.float32], anchors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Boxes (n, 4) as x, y, w, h in shares of the picture, cut at its borders."""
    y = offsets[:, 0] * anchors[:, 2] + anchors[:, 0]
    x = offsets[:, 1] * anchors[:, 3] + anchors[:, 1]
    h = np.exp(np.minimum(offsets[:, 2], 4)) * anchors[:, 2]
    w = np.exp(np.minimum(offsets[:, 3], 4)) * anchors[:, 3]
    left, top = np.clip(x - w / 2, 0, 1), np.clip(y - h / 2, 0, 1)
    right, bottom = np.clip(x + w / 2, 0, 1), np.clip(y + h / 2, 0, 1)
    return np.stack([left, top, right - left, bottom - top], axis=1).astype(np.float32)
