"""Age and apparent gender of a face: the ResNets of dlib-models (Cydral Technology, CC0) as ONNX."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

#: name and version that signals carry as their source
SOURCE = "dlib-age-gender@1"

_MEAN = np.array([122.782, 117.001, 104.298], np.float32)
#: right eye, left eye, nose tip and mouth corners in dlib's mean face, whose chip has 25% padding
_MEAN_FACE = np.array(
    [[0.2255, 0.2160], [0.7548, 0.2160], [0.4901, 0.5156], [0.2541, 0.7802], [0.7261, 0.7802]], np.float32
)
_PADDING = 0.25
_CHIP = 64
_YEARS = np.concatenate([[0.25], np.arange(1, 81)]).astype(np.float32)


class AgeGender(NamedTuple):
    """One reading of one face."""

    #: probability-weighted mean, in years
    age: float
    #: standard deviation of the network's own distribution, in years
    age_spread: float
    #: probability of "female"
    female: float


class AgeGenderNet:
    """Two small residual networks that read an aligned face chip."""

    def __init__(self, age_path: Path | str, gender_path: Path | str, *, threads: int = 1) -> None:
        """Load both networks.

        Raises:
            ModelError: a file is missing or ONNX Runtime refuses it.
        """
        self._age = open_session(age_path, threads=threads)
        self._gender = open_session(gender_path, threads=threads)

    def read(self, image: NDArray[np.uint8], points: NDArray[np.float32]) -> AgeGender:
        """Read one face.

        Args:
            image: (h, w, 3) uint8 BGR.
            points: (5, 2) pixels: eyes, nose tip, mouth corners, as YuNet gives them.
        """
        chip = _chip(image, points)
        ages = _run(self._age, chip)
        years = float(ages @ _YEARS)
        spread = float(np.sqrt(max(0.0, float(ages @ (_YEARS - years) ** 2))))
        small = np.asarray(cv2.resize(chip, (32, 32), interpolation=cv2.INTER_AREA), np.uint8)
        return AgeGender(years, spread, float(_run(self._gender, small)[0]))


def _chip(image: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
    # A large face is cut at twice the size first: warpAffine alone would alias.
    big = _CHIP * 2
    target = (_MEAN_FACE + _PADDING) / (1 + 2 * _PADDING) * big
    matrix, _ = cv2.estimateAffinePartial2D(np.asarray(points, np.float32), target, method=cv2.LMEDS)
    if matrix is None:
        matrix = cv2.getAffineTransform(np.asarray(points[:3], np.float32), target[:3].astype(np.float32))
    wide = cv2.warpAffine(image, matrix, (big, big), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(cv2.resize(wide, (_CHIP, _CHIP), interpolation=cv2.INTER_AREA), np.uint8)


def _run(session: Any, chip: NDArray[np.uint8]) -> NDArray[np.float32]:
    pixels = (chip[:, :, ::-1].astype(np.float32) - _MEAN) / 256.0
    batch = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None])
    return np.asarray(session.run(None, {"images": batch})[0][0], np.float32)
