"""OpenNSFW: how likely a picture is sexually explicit.

Yahoo's open_nsfw (a thin ResNet-50 trained for this one question), as an ONNX graph.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

#: mean of the training pictures, BGR
_MEAN = np.array([104, 117, 123], dtype=np.float32)


class OpenNsfw:
    """The network, on one ONNX Runtime session.

    Args:
        path: the ONNX file.
        threads: threads of the session.

    Raises:
        ModelError: ONNX Runtime rejects the file.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        self._session = open_session(path, threads=threads)
        self._input = self._session.get_inputs()[0].name

    def probability(self, image: NDArray[np.uint8]) -> float:
        """Probability in [0, 1] that a picture (h, w, 3) uint8 BGR is explicit.

        As in training the picture is squeezed to 256x256 and its middle 224x224 is looked at.
        """
        small = cv2.resize(image, (256, 256), interpolation=cv2.INTER_AREA)[16:240, 16:240]
        tensor = (small.astype(np.float32) - _MEAN)[None]
        scores = np.asarray(self._session.run(None, {self._input: tensor})[0], dtype=np.float32)
        return float(np.clip(scores.ravel()[-1], 0.0, 1.0))
