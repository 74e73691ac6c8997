"""ImageNet-1k classes and a feature vector of a picture, by EfficientNet-Lite0.

M. Tan, Q. Le, "EfficientNet: Rethinking Model Scaling for CNNs", 2019; weights and label names
as MediaPipe distributes them.
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
from models.tflite_graph import with_output

_SIDE = 224
_FEATURE = "efficientnet-lite0/model/head/Squeeze1"
_LABELS = "labels_without_background.txt"
#: share of the short side that the middle crop keeps, as in the network's training
_CROP = 0.875
#: from this aspect ratio on, the sides that a middle crop loses are worth a second look
_WIDE = 1.15
#: weight of the middle crop against the whole picture squeezed to a square
_MIDDLE = 0.65


class ImageLook(NamedTuple):
    """What the network says of one picture."""

    #: (1000,) float32, sums to 1
    probabilities: NDArray[np.float32]
    #: (1280,) float32, L2-normalised features below the classifier
    embedding: NDArray[np.float32]


class ImageLabels:
    """EfficientNet-Lite0; `labels` are the 1000 names in the file's own metadata.

    Two classes named `crane` and two named `maillot` share a name, as in the file.

    Raises:
        ModelError: a damaged or different file.
    """

    def __init__(self, path: Path, *, threads: int = 1) -> None:
        try:
            content = path.read_bytes()
            with zipfile.ZipFile(io.BytesIO(content)) as metadata:
                self.labels = metadata.read(_LABELS).decode("utf-8").splitlines()
        except (OSError, KeyError, zipfile.BadZipFile) as error:
            raise ModelError(f"{path} has no ImageNet labels: {error}; run `mmu models pull`") from error
        self._model = LiteRtModel(with_output(content, _FEATURE), threads)

    def look(self, image: NDArray[np.uint8]) -> ImageLook:
        """Classes and features of a picture (h, w, 3) uint8 BGR.

        A picture that is not nearly square is looked at twice: its middle, and the whole squeezed.
        """
        height, width = image.shape[:2]
        middle = self._run(_middle(image))
        if max(height, width) < _WIDE * min(height, width):
            return middle
        whole = self._run(image)
        embedding = _MIDDLE * middle.embedding + (1 - _MIDDLE) * whole.embedding
        return ImageLook(
            (_MIDDLE * middle.probabilities + (1 - _MIDDLE) * whole.probabilities).astype(np.float32),
            (embedding / max(1e-9, float(np.linalg.norm(embedding)))).astype(np.float32),
        )

    def _run(self, image: NDArray[np.uint8]) -> ImageLook:
        shrink = min(image.shape[:2]) > _SIDE
        small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA if shrink else cv2.INTER_CUBIC)
        rgb = (small[:, :, ::-1].astype(np.float32) - 127) / 128
        scores, feature = self._model.run(rgb[None])
        vector = feature.ravel()
        return ImageLook(scores.ravel(), vector / max(1e-9, float(np.linalg.norm(vector))))


def _middle(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    height, width = image.shape[:2]
    side = max(1, round(_CROP * min(height, width)))
    top, left = (height - side) // 2, (width - side) // 2
    return image[top : top + side, left : left + side]
