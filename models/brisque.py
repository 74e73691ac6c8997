"""BRISQUE: no-reference picture quality from natural-scene statistics.

A. Mittal, A. K. Moorthy, A. C. Bovik, "No-Reference Image Quality Assessment in the
Spatial Domain", IEEE Transactions on Image Processing 21(12), 2012. The support vector
regression and the feature ranges are those of the published LIBSVM model.
"""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.special import gamma

from models.errors import ModelError

Array = NDArray[np.float64]

#: shapes tried when a generalised Gaussian is fitted, with the moment ratio of each
_SHAPES: Array = np.arange(0.2, 10.0, 0.001)
_RATIOS: Array = gamma(2 / _SHAPES) ** 2 / (gamma(1 / _SHAPES) * gamma(3 / _SHAPES))
#: neighbours whose products are described: right, below, below right, below left
_SHIFTS = ((0, 1), (1, 0), (1, 1), (1, -1))


class Brisque:
    """The published BRISQUE regression.

    Args:
        svm: LIBSVM text model (epsilon-SVR, RBF kernel).
        ranges: feature ranges, JSON `{"min": [36], "max": [36]}`.

    Raises:
        ModelError: a file that is not what it should be.
    """

    def __init__(self, svm: Path, ranges: Path) -> None:
        self._gamma, self._rho, self._weights, self._vectors = _read_svm(svm)
        self._low, self._high = _read_ranges(ranges)

    def score(self, grey: NDArray[np.uint8]) -> float:
        """Score of a picture (h, w) uint8: about 0 for pristine, 100 and above for ruined.

        Raises:
            ValueError: a side under 32 pixels, which leaves nothing to describe.
        """
        if min(grey.shape[:2]) < 32:
            raise ValueError(f"BRISQUE needs at least 32x32 pixels, got {grey.shape[1]}x{grey.shape[0]}")
        features = (brisque_features(grey) - self._low) / (self._high - self._low) * 2 - 1
        distance = ((self._vectors - features) ** 2).sum(axis=1)
        return float(self._weights @ np.exp(-self._gamma * distance) - self._rho)


def brisque_features(grey: NDArray[np.uint8]) -> Array:
    """The 36 features of a picture (h, w) uint8 at full and at half size, (36,) float64."""
    image = grey.astype(np.float64) / 255
    half = cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_CUBIC)
    return np.concatenate([_features(image), _features(np.asarray(half, dtype=np.float64))])


def _features(image: Array) -> Array:
    kernel = (7, 7)
    mean = cv2.GaussianBlur(image, kernel, 7 / 6, borderType=cv2.BORDER_CONSTANT)
    square = cv2.GaussianBlur(image * image, kernel, 7 / 6, borderType=cv2.BORDER_CONSTANT)
    normal = (image - mean) / (np.sqrt(np.abs(square - mean * mean)) + 1 / 255)
    shape, _, left, right = _fit(normal)
    values = [shape, (left + right) / 2]
    for down, across in _SHIFTS:
        first = normal[: normal.shape[0] - down, max(0, -across) : normal.shape[1] - max(0, across)]
        second = normal[down:, max(0, across) : normal.shape[1] + min(0, across)]
        values.extend(_fit(first * second))
    return np.array(values)


def _fit(x: Array) -> tuple[float, float, float, float]:
    """Moment fit of an asymmetric generalised Gaussian: shape, mean, left and right variance."""
    negative = x < 0
    squares = x * x
    total = float(squares.sum())
    if total == 0:  # a flat picture: the limit of a distribution without spread
        return 10.0, 0.0, 0.0, 0.0
    left_n = int(negative.sum())
    left_sum = float(squares[negative].sum())
    left = left_sum / left_n if left_n else 0.0
    right = (total - left_sum) / max(1, x.size - left_n)
    skew = np.sqrt(left / right) if right else 1e6
    ratio = float(np.abs(x).mean()) ** 2 / (total / x.size)
    target = ratio * (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = float(_SHAPES[np.searchsorted(_RATIOS, target).clip(0, len(_SHAPES) - 1)])
    spread = np.sqrt(gamma(1 / shape) / gamma(3 / shape)) * gamma(2 / shape) / gamma(1 / shape)
    return shape, float((np.sqrt(right) - np.sqrt(left)) * spread), left, right


def _read_svm(path: Path) -> tuple[float, float, Array, Array]:
    try:
        head, _, body = path.read_text(encoding="ascii").partition("\nSV\n")
        facts = dict(line.split(" ", 1) for line in head.splitlines())
        if (facts["svm_type"], facts["kernel_type"]) != ("epsilon_svr", "rbf"):
            raise ModelError(f"{path}: expected an epsilon_svr with an rbf kernel")
        rows = [line.split() for line in body.splitlines() if line]
        weights = np.array([float(row[0]) for row in rows])
        vectors = np.zeros((len(rows), 36))
        for vector, row in zip(vectors, rows, strict=True):
            for item in row[1:]:  # LIBSVM leaves zeros out
                place, _, value = item.partition(":")
                vector[int(place) - 1] = float(value)
        return float(facts["gamma"]), float(facts["rho"]), weights, vectors
    except (OSError, KeyError, ValueError, IndexError) as error:
        raise ModelError(f"{path} is not a BRISQUE model: {error}; run `mmu models pull`") from error


def _read_ranges(path: Path) -> tuple[Array, Array]:
    try:
        ranges = json.loads(path.read_text(encoding="utf-8"))
        low, high = (np.array(ranges[key], dtype=np.float64) for key in ("min", "max"))
        if low.shape != (36,) or high.shape != (36,):
            raise ValueError(f"expected 36 ranges, got {low.shape} and {high.shape}")
        return low, high
    except (OSError, KeyError, ValueError, TypeError) as error:
        raise ModelError(f"{path} holds no BRISQUE ranges: {error}; run `mmu models pull`") from error
