"""SFace identity embedding (Zhong et al. 2021, OpenCV Zoo) through OpenCV's own runtime."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

#: name and version that signals carry as their source
SOURCE = "sface@2021dec"
#: length of an embedding
DIMENSIONS = 128


class SFace:
    """Turns a detected face into a vector; vectors of one person point the same way."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load the network; `threads` holds for OpenCV in the whole process.

        Raises:
            ModelError: the file is missing or OpenCV refuses it.
        """
        cv2.setNumThreads(threads)
        try:
            self._net = cv2.FaceRecognizerSF.create(str(path), "")
        except cv2.error as error:
            raise ModelError(f"{path}: not a face recogniser that OpenCV can run: {error}") from error
        self._lock = threading.Lock()

    def align(self, image: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Cut the face out, upright and at a fixed place.

        Args:
            image: (h, w, 3) uint8 BGR.
            points: (5, 2) pixels, in YuNet's order.

        Returns:
            (112, 112, 3) uint8 BGR.
        """
        row = np.zeros((1, 15), np.float32)
        row[0, 4:14] = np.asarray(points, np.float32).reshape(-1)
        with self._lock:
            return np.asarray(self._net.alignCrop(image, row), np.uint8)

    def embed(self, chip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(128,) float32, L2-normalised, of a chip made by `align`."""
        with self._lock:
            vector = np.asarray(self._net.feature(chip), np.float32).reshape(-1)
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
