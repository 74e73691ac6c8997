"""YuNet face detector (Wu et al. 2023, OpenCV Zoo) through OpenCV's own runtime."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

#: name and version that signals carry as their source
SOURCE = "yunet@2023mar"


class YuNet:
    """Finds faces and five points of each: right eye, left eye, nose tip, right and left mouth corner."""

    def __init__(
        self, path: Path | str, *, threads: int = 1, score_threshold: float = 0.6, overlap: float = 0.3
    ) -> None:
        """Load the network.

        Args:
            path: the ONNX file.
            threads: OpenCV's threads; the setting holds for the whole process.
            score_threshold: detections below this score are dropped.
            overlap: intersection over union above which the weaker of two boxes is dropped.

        Raises:
            ModelError: the file is missing or OpenCV refuses it.
        """
        cv2.setNumThreads(threads)
        try:
            self._net = cv2.FaceDetectorYN.create(str(path), "", (320, 320), score_threshold, overlap, 200)
        except cv2.error as error:
            raise ModelError(f"{path}: not a face detector that OpenCV can run: {error}") from error
        self._lock = threading.Lock()

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
        with self._lock:
            self._net.setInputSize(size)
            _, rows = self._net.detect(image)
        if rows is None:
            return np.empty((0, 15), np.float32)
        faces = np.array(rows, np.float32)
        faces = faces[np.argsort(-faces[:, 14], kind="stable")]
        faces[:, 0:14:2] *= width / size[0]
        faces[:, 1:14:2] *= height / size[1]
        return faces
