"""PP-OCR text detection and recognition on ONNX Runtime.

The networks are PaddleOCR's PP-OCR family (https://github.com/PaddlePaddle/PaddleOCR,
Apache-2.0): a differentiable-binarization detector (Liao et al., 2020) and a
CTC recogniser of lines 48 pixels high. Arrays in, arrays and texts out.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.onnx_session import open_session

Image = NDArray[np.uint8]

_LINE_HEIGHT = 48
#: a longer line is squeezed to this width
_MAX_LINE_WIDTH = 2400
_SPACE_PROBABILITY = 0.2
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32) * 255.0
_IMAGENET_STD = np.array([0.229, 0.224, 0.225], np.float32) * 255.0
#: (3, 256) what a pixel value of each channel becomes
_NORMALISED = ((np.arange(256, dtype=np.float32)[:, None] - _IMAGENET_MEAN) / _IMAGENET_STD).T.copy()


class Quad(NamedTuple):
    """One detected line: corners (4, 2) float32 clockwise from its top left; mean text probability."""

    corners: NDArray[np.float32]
    score: float


class Reading(NamedTuple):
    """What stands in one line; `score` is the mean probability of its characters."""

    text: str
    score: float


@dataclass(frozen=True, slots=True)
class DetectorOptions:
    """Post-processing of the probability map: PP-OCRv6's own, but for the growth (1.4 there cuts strokes)."""

    #: a pixel above this is text
    threshold: float = 0.2
    #: a line needs this mean probability
    box_threshold: float = 0.4
    #: the network finds shrunk lines; they grow by area * ratio / perimeter on each side
    unclip_ratio: float = 1.6
    #: shortest side of a line in network pixels
    min_side: float = 3.0
    max_candidates: int = 1000


class TextDetector:
    """Where text lines are.

    Raises:
        ModelError: the file is not a network that ONNX Runtime can run.
    """

    def __init__(self, path: Path, *, threads: int = 1, options: DetectorOptions | None = None) -> None:
        self._session = open_session(path, threads=threads, pattern=False)
        self._input = self._session.get_inputs()[0].name
        self._options = options or DetectorOptions()

    def detect(self, image: Image, *, side: int = 960) -> list[Quad]:
        """Lines in a (h, w, 3) uint8 BGR picture, corners in its pixels.

        The picture is scaled so that its long side is at most `side` pixels
        (never enlarged here; pass an enlarged picture for that).
        """
        height, width = image.shape[:2]
        ratio = min(1.0, side / max(height, width))
        size = (_multiple_of_32(width * ratio), _multiple_of_32(height * ratio))
        scaled = cv2.resize(image, size, interpolation=cv2.INTER_AREA if ratio < 1 else cv2.INTER_LINEAR)
        tensor = np.empty((1, 3, *scaled.shape[:2]), np.float32)
        for channel, values in enumerate(_NORMALISED):
            tensor[0, channel] = cv2.LUT(scaled[..., channel], values)
        probability: NDArray[np.float32] = self._session.run(None, {self._input: tensor})[0][0, 0]
        scale = np.array([width / size[0], height / size[1]], np.float32)
        limit = np.array([width, height], np.float32)
        quads = []
        for corners, score in self._lines(probability):
            corners = np.clip(corners * scale, 0, limit)
            quads.append(Quad(clockwise(corners), score))
        return quads

    def _lines(self, probability: NDArray[np.float32]) -> Iterator[tuple[NDArray[np.float32], float]]:
        options = self._options
        mask = (probability > options.threshold).astype(np.uint8)
        contours, _ = cv2.findContours(mask, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
        for contour in contours[: options.max_candidates]:
            centre, (w, h), angle = cv2.minAreaRect(contour)
            if min(w, h) < options.min_side:
                continue
            score = _mean_inside(probability, cv2.boxPoints((centre, (w, h), angle)).astype(np.float32))
            if score < options.box_threshold:
                continue
            grow = w * h * options.unclip_ratio / (w + h)  # both sides: 2 * area * ratio / perimeter
            grown = cv2.boxPoints((centre, (w + grow, h + grow), angle))
            yield grown.astype(np.float32), score


class TextRecognizer:
    """What a line says.

    `characters` is the text of the dictionary file (one character a line);
    None takes the dictionary stored in the network itself.

    Raises:
        ModelError: the network cannot be run, or has no dictionary or one of another size.
    """

    def __init__(self, path: Path, characters: str | None = None, *, threads: int = 1) -> None:
        self._session = open_session(path, threads=threads, pattern=False)
        self._input = self._session.get_inputs()[0].name
        if characters is None:
            characters = self._session.get_modelmeta().custom_metadata_map.get("character")
        if not characters:
            raise ModelError(f"the text network {path} has no dictionary")
        alphabet = [line.rstrip("\r") for line in characters.split("\n")]
        if not alphabet[-1]:
            alphabet.pop()
        #: index 0 is the CTC blank, the space comes last
        self._alphabet = ["", *alphabet, " "]
        classes = self._session.get_outputs()[0].shape[-1]
        if isinstance(classes, int) and classes != len(self._alphabet):
            raise ModelError(
                f"the dictionary has {len(alphabet)} characters, the network {path} wants {classes - 2}"
            )

    def read(self, lines: Sequence[Image], *, batch: int = 6) -> list[Reading]:
        """Read upright line pictures ((h, w, 3) uint8 BGR); the result is in their order."""
        order = sorted(range(len(lines)), key=lambda i: lines[i].shape[1] / max(1, lines[i].shape[0]))
        readings = [Reading("", 0.0)] * len(lines)
        for start in range(0, len(order), batch):
            group = order[start : start + batch]
            scaled = [_to_line_height(lines[i]) for i in group]
            width = max(48, max(picture.shape[1] for picture in scaled))
            tensor = np.zeros((len(group), 3, _LINE_HEIGHT, width), np.float32)
            for row, picture in enumerate(scaled):
                pixels = picture.transpose(2, 0, 1).astype(np.float32)
                tensor[row, :, :, : picture.shape[1]] = pixels / 127.5 - 1.0
            probabilities = self._session.run(None, {self._input: tensor})[0]
            for row, index in enumerate(group):
                readings[index] = self._decode(probabilities[row])
        return readings

    def _decode(self, probabilities: NDArray[np.float32]) -> Reading:
        """Greedy CTC: (steps, classes) -> text without repeats and blanks.

        Between two letters of an alphabetic script the space often loses to
        the blank by little, so a gap where it comes near is a space as well.
        """
        best = probabilities.argmax(axis=1)
        keep = best != 0
        keep[1:] &= best[1:] != best[:-1]
        steps = np.flatnonzero(keep)
        if not steps.size:
            return Reading("", 0.0)
        space = probabilities[:, -1]
        text = ""
        for position, step in enumerate(steps):
            character = self._alphabet[best[step]]
            if position and _is_alphabetic(text[-1]) and _is_alphabetic(character):
                gap = space[steps[position - 1] + 1 : step]
                if gap.size and float(gap.max()) > _SPACE_PROBABILITY:
                    text += " "
            text += character
        score = float(probabilities[steps].max(axis=1).mean())
        return Reading(" ".join(text.split()), min(1.0, score))


def crop_line(image: Image, corners: NDArray[np.float32]) -> Image:
    """The picture inside four corners, made rectangular; clockwise corners from the top left."""
    width = max(1, round(float(max(_distance(corners, 0, 1), _distance(corners, 3, 2)))))
    height = max(1, round(float(max(_distance(corners, 0, 3), _distance(corners, 1, 2)))))
    target = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), target)
    crop = cv2.warpPerspective(
        image, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return crop.astype(np.uint8, copy=False)


def clockwise(corners: NDArray[np.float32]) -> NDArray[np.float32]:
    """Order four corners top left, top right, bottom right, bottom left."""
    by_x = corners[np.argsort(corners[:, 0], kind="stable")]
    left = by_x[:2][np.argsort(by_x[:2, 1], kind="stable")]
    right = by_x[2:][np.argsort(by_x[2:, 1], kind="stable")]
    return np.stack([left[0], right[0], right[1], left[1]]).astype(np.float32)


def _is_alphabetic(character: str) -> bool:
    """Whether words of the character's script are set apart by spaces (Latin, Greek, Cyrillic; digits)."""
    return character.isalnum() and ord(character) < 0x2E80


def _distance(corners: NDArray[np.float32], a: int, b: int) -> float:
    return float(np.linalg.norm(corners[a] - corners[b]))


def _multiple_of_32(length: float) -> int:
    return max(32, round(length / 32) * 32)


def _to_line_height(picture: Image) -> Image:
    height, width = picture.shape[:2]
    target = min(_MAX_LINE_WIDTH, max(8, math.ceil(width * _LINE_HEIGHT / max(1, height))))
    return cv2.resize(picture, (target, _LINE_HEIGHT)).astype(np.uint8, copy=False)


def _mean_inside(probability: NDArray[np.float32], corners: NDArray[np.float32]) -> float:
    height, width = probability.shape
    low = np.clip(np.floor(corners.min(axis=0)).astype(int), 0, [width - 1, height - 1])
    high = np.clip(np.ceil(corners.max(axis=0)).astype(int), 0, [width - 1, height - 1])
    mask = np.zeros((high[1] - low[1] + 1, high[0] - low[0] + 1), np.uint8)
    cv2.fillPoly(mask, [np.round(corners - low).astype(np.int32)], 1)
    window = probability[low[1] : high[1] + 1, low[0] : high[0] + 1]
    return float(cv2.mean(window, mask)[0])
