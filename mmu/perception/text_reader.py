"""Reading one picture: detect lines, put the pieces of a line together, read each the right way up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.signals import Box
from models.ppocr import Quad, Reading, crop_line

Image = NDArray[np.uint8]

#: lines higher than this many times their width are turned or vertical
_TALL = 1.5
#: below this score a line is also tried the other way up
_DOUBTFUL = 0.8
#: what the other way up must reach; foreign scripts and ornaments read as short words either way
_SURE_TURN = 0.85
#: pictures with a shorter side than this are enlarged (letters of a few pixels are not found otherwise)
_MIN_SIDE = 96
_MAX_ENLARGEMENT = 6.0


@dataclass(frozen=True, slots=True)
class Region:
    """One line before it is read: its pieces in reading order and what surrounds them."""

    pieces: tuple[Quad, ...]
    box: Box
    #: degrees by which the base line is turned, clockwise, in (-45, 45]
    tilt: float
    #: column of single characters, top to bottom
    stacked: bool = False


@dataclass(frozen=True, slots=True)
class LineReading:
    """What a region says; `orientation` is the clockwise turn of the text: 0, 90, 180 or 270 degrees."""

    text: str
    score: float
    orientation: int = 0
    vertical: bool = False


class FindsLines(Protocol):
    """What finds lines; see `models.ppocr.TextDetector`."""

    def detect(self, image: Image, *, side: int = 960) -> list[Quad]: ...


class ReadsLines(Protocol):
    """What reads lines; see `models.ppocr.TextRecognizer`."""

    def read(self, lines: Sequence[Image], *, batch: int = 6) -> list[Reading]: ...


class TextReader:
    """Finds and reads lines in pictures ((h, w, 3) uint8 BGR); boxes are in pixels of the picture given."""

    def __init__(self, detector: FindsLines, recognizer: ReadsLines, *, side: int) -> None:
        self._detector = detector
        self._recognizer = recognizer
        self._side = side

    def find(self, image: Image) -> list[Region]:
        """Lines of the picture, unread, from top to bottom."""
        factor = min(_MAX_ENLARGEMENT, max(1.0, _MIN_SIDE / max(1, min(image.shape[:2]))))
        if factor > 1:
            enlarged = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_CUBIC)
            found = self._detector.detect(enlarged.astype(np.uint8, copy=False), side=self._side)
            quads = [Quad((quad.corners / factor).astype(np.float32), quad.score) for quad in found]
        else:
            quads = self._detector.detect(image, side=self._side)
        return [_region(pieces, stacked) for pieces, stacked in group(quads)]

    def read(self, image: Image, regions: Sequence[Region]) -> list[LineReading]:
        """What the regions say, in their order."""
        crops = [crop_line(image, piece.corners) for region in regions for piece in region.pieces]
        tall = [crop.shape[0] > _TALL * crop.shape[1] for crop in crops]
        upright = [_turn(crop, 90) if high else crop for crop, high in zip(crops, tall, strict=True)]
        readings = self._recognizer.read(upright)
        turns = [90 if high else 0 for high in tall]
        doubtful = [
            i for i, reading in enumerate(readings) if reading.score < _DOUBTFUL and (reading.text or tall[i])
        ]
        again = self._recognizer.read([_turn(upright[i], 180) for i in doubtful])
        for i, other in zip(doubtful, again, strict=True):
            if other.score > max(_SURE_TURN, readings[i].score + 0.1) and len(other.text) > 2:
                readings[i] = other
                turns[i] += 180
        result, start = [], 0
        for region in regions:
            end = start + len(region.pieces)
            result.append(_join(readings[start:end], turns[start:end], region.stacked))
            start = end
        return result


def group(quads: Sequence[Quad]) -> list[tuple[tuple[Quad, ...], bool]]:
    """Pieces that form one line, as (pieces in reading order, whether they are a column of characters).

    A detector cuts one line at a wide space in one frame and not in the next;
    put together the line is the same in both.
    """
    columns, rest = _columns(quads)
    rows: list[list[Quad]] = []
    for quad in sorted(rest, key=lambda q: float(q.corners[:, 0].min())):
        row = next((row for row in reversed(rows) if _continues(row[-1], quad)), None)
        if row is None:
            rows.append([quad])
        else:
            row.append(quad)
    lines = [(tuple(row), False) for row in rows] + [(column, True) for column in columns]
    return sorted(lines, key=lambda line: float(line[0][0].corners[:, 1].mean()))


def _columns(quads: Sequence[Quad]) -> tuple[list[tuple[Quad, ...]], list[Quad]]:
    """Columns of at least three near-square pieces one above the other, and the pieces that are in none."""
    boxes = [_bounds(quad.corners) for quad in quads]
    square = [i for i, box in enumerate(boxes) if 0.6 < box.w / max(1.0, box.h) < 1.6]
    square.sort(key=lambda i: boxes[i].y)
    stacks: list[list[int]] = []
    for i in square:
        for stack in stacks:
            above = boxes[stack[-1]]
            gap = boxes[i].y - (above.y + above.h)
            aligned = abs((above.x + above.w / 2) - (boxes[i].x + boxes[i].w / 2)) < 0.25 * above.w
            if aligned and -0.3 * above.h < gap < 0.6 * above.h and 0.7 < boxes[i].w / above.w < 1.4:
                stack.append(i)
                break
        else:
            stacks.append([i])
    taken = [stack for stack in stacks if len(stack) >= 3]
    used = {i for stack in taken for i in stack}
    rest = [quad for i, quad in enumerate(quads) if i not in used]
    return [tuple(quads[i] for i in stack) for stack in taken], rest


def _continues(left: Quad, right: Quad) -> bool:
    """Whether `right` goes on with the line of `left`: same height, same base line, a space between."""
    a, b = _bounds(left.corners), _bounds(right.corners)
    if abs(_tilt(left.corners)) > 8 or abs(_tilt(right.corners)) > 8:
        return False
    if a.h > _TALL * a.w or b.h > _TALL * b.w:
        return False
    height = min(a.h, b.h)
    overlap = min(a.y + a.h, b.y + b.h) - max(a.y, b.y)
    gap = b.x - (a.x + a.w)
    return max(a.h, b.h) < 1.5 * height and overlap > 0.65 * height and -0.5 * height < gap < 1.3 * height


def _region(pieces: tuple[Quad, ...], stacked: bool) -> Region:
    box = _bounds(np.concatenate([piece.corners for piece in pieces]))
    return Region(pieces, box, _tilt(pieces[0].corners), stacked)


def _bounds(corners: NDArray[np.float32]) -> Box:
    (x0, y0), (x1, y1) = corners.min(axis=0), corners.max(axis=0)
    return Box(float(x0), float(y0), float(x1 - x0), float(y1 - y0))


def _tilt(corners: NDArray[np.float32]) -> float:
    along = corners[1] - corners[0]
    down = corners[3] - corners[0]
    if np.linalg.norm(down) > np.linalg.norm(along):
        return float(np.degrees(np.arctan2(-down[0], down[1])))
    return float(np.degrees(np.arctan2(along[1], along[0])))


def _turn(picture: Image, degrees: int) -> Image:
    """Undo a clockwise turn of `degrees`."""
    return np.ascontiguousarray(np.rot90(picture, degrees // 90))


def _join(readings: Sequence[Reading], turns: Sequence[int], stacked: bool) -> LineReading:
    present = [reading for reading in readings if reading.text]
    if not present:
        return LineReading("", 0.0)
    weight = sum(len(reading.text) for reading in present)
    score = sum(reading.score * len(reading.text) for reading in present) / weight
    text = ("" if stacked else " ").join(reading.text for reading in present)
    turn = turns[0] % 360
    # An upright column of Chinese characters is read as if it were turned by 90 degrees.
    vertical = stacked or (turn == 90 and 2 * sum(is_han(c) for c in text) > len(text))
    return LineReading(text, score, 0 if vertical else turn, vertical)


def is_han(character: str) -> bool:
    """Whether the character is a Chinese one."""
    return "\u3400" <= character <= "\u9fff" or "\uf900" <= character <= "\ufaff" or character > "\U0001ffff"
