"""YuNet face detector (Wu et al. 2023, OpenCV Zoo) on ONNX Runtime."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.onnx_blocks import unpacked
from models.onnx_session import open_session

#: name and version that signals carry as their source
SOURCE = "yunet@2023mar"

_STRIDES = (8, 16, 32)
#: of each stride: output and numbers a place
_PARTS = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
_SHAPES = {
    "input": (1, 3, "height", "width"),
    **{f"{part}_{stride}": (1, f"n{stride}", size) for part, size in _PARTS.items() for stride in _STRIDES},
}
#: detections of which the overlapping ones are left out
_MOST = 200


class YuNet:
    """Finds faces and five points of each: right eye, left eye, nose tip, right and left mouth corner.

    What `cv2.FaceDetectorYN` does, step by step, in half of its time.
    """

    def __init__(
        self, path: Path | str, *, threads: int = 1, score_threshold: float = 0.6, overlap: float = 0.3
    ) -> None:
        """Load the network.

        Args:
            path: the ONNX file.
            threads: of ONNX Runtime, and OpenCV's; the latter holds for the whole process.
            score_threshold: detections below this score are dropped.
            overlap: intersection over union above which the weaker of two boxes is dropped.

        Raises:
            ModelError: the file is missing or no YuNet.
        """
        cv2.setNumThreads(threads)
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            raise ModelError(f"{path}: the face detector cannot be read: {error.strerror}") from error
        self._session = open_session(unpacked(content, shapes=_SHAPES), threads=threads)
        names = {output.name for output in self._session.get_outputs()}
        if missing := _SHAPES.keys() - {"input"} - names:
            raise ModelError(f"{path}: not a YuNet face detector: no {', '.join(sorted(missing))} in it")
        self._threshold = score_threshold
        self._overlap = overlap

    def detect(
        self, image: NDArray[np.uint8], *, long_side: int = 640, enlarge: bool = False
    ) -> NDArray[np.float32]:
        """Detect in a BGR image of any size.

        Args:
            image: (h, w, 3) uint8 BGR.
            long_side: the image is scaled so that its long side has at most this many pixels.
            enlarge: also scale a smaller image up to it.

        Returns:
            (n, 15) float32 in pixels of `image`: x, y, w, h, five points (x, y) in the order of
            the class description, score; best first.
        """
        height, width = image.shape[:2]
        scale = long_side / max(height, width) if long_side < max(height, width) or enlarge else 1.0
        size = (max(32, round(width * scale)), max(32, round(height * scale)))
        if size != (width, height):
            method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            image = np.asarray(cv2.resize(image, size, interpolation=method), np.uint8)
        faces = self._without_overlap(np.concatenate([self._faces(level) for level in self._run(image)]))
        faces[:, 0:14:2] *= width / size[0]
        faces[:, 1:14:2] *= height / size[1]
        return faces

    def _run(self, image: NDArray[np.uint8]) -> list[_Level]:
        height, width = (-(-side // 32) * 32 for side in image.shape[:2])
        tensor = np.zeros((1, 3, height, width), np.float32)
        tensor[0, :, : image.shape[0], : image.shape[1]] = image.transpose(2, 0, 1)
        wanted = [f"{part}_{stride}" for stride in _STRIDES for part in _PARTS]
        found = [np.asarray(one, np.float32)[0] for one in self._session.run(wanted, {"input": tensor})]
        return [
            _Level(stride, width // stride, *found[4 * i : 4 * i + 4]) for i, stride in enumerate(_STRIDES)
        ]

    def _faces(self, level: _Level) -> NDArray[np.float32]:
        """(n, 15) float32 of one stride, in pixels of the network's input."""
        scores = np.sqrt(np.clip(level.face[:, 0], 0, 1) * np.clip(level.thing[:, 0], 0, 1))
        places = np.flatnonzero(scores >= self._threshold)
        at = np.stack([places % level.columns, places // level.columns], axis=1).astype(np.float32)
        centres = (at + level.boxes[places, :2]) * level.stride
        sizes = np.exp(level.boxes[places, 2:]) * level.stride
        points = (level.points[places].reshape(-1, 5, 2) + at[:, None]) * level.stride
        rows = [centres - sizes / 2, sizes, points.reshape(-1, 10), scores[places, None]]
        return np.concatenate(rows, axis=1).astype(np.float32, copy=False)

    def _without_overlap(self, faces: NDArray[np.float32]) -> NDArray[np.float32]:
        """The best of faces that overlap, best first."""
        if len(faces) > 1:
            # Whole pixels, as OpenCV compares them.
            boxes, scores = faces[:, :4].astype(int).tolist(), faces[:, 14].tolist()
            kept = cv2.dnn.NMSBoxes(boxes, scores, self._threshold, self._overlap, top_k=_MOST)
            faces = faces[np.asarray(kept, int).ravel()]
        return faces[np.argsort(-faces[:, 14], kind="stable")]


class _Level(NamedTuple):
    """What the network says of the places of one stride, row by row."""

    stride: int
    columns: int
    face: NDArray[np.float32]
    thing: NDArray[np.float32]
    boxes: NDArray[np.float32]
    points: NDArray[np.float32]
