"""What a line of text is for (subtitle, title, overlay, watermark, scene), and its language."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, NamedTuple

from mmu.perception.text_lines import Line, similarity
from mmu.perception.text_reader import is_han

Role = Literal["subtitle", "title", "overlay", "watermark", "scene"]


class Canvas(NamedTuple):
    """Size of the sampled frames in pixels and length of the video in seconds (0 for a still picture)."""

    width: int
    height: int
    seconds: float


def roles(lines: Sequence[Line], canvas: Canvas) -> list[Role]:
    """The role of each line, judged by its place, size, time and what else stands in its band."""
    return [_role(line, lines, canvas) for line in lines]


def _role(line: Line, lines: Sequence[Line], canvas: Canvas) -> Role:
    box = line.box
    long = max(box.w, box.h) > 2 * min(box.w, box.h)  # the tilt of a short word is a guess
    if (long and abs(line.region.tilt) > 4) or (not _scrolls(line) and line.drift > 0.6):
        return "scene"
    if canvas.seconds > 0:
        if _is_watermark(line, lines, canvas):
            return "watermark"
        if _is_subtitle(line, lines, canvas):
            return "subtitle"
    if _is_title(line, lines, canvas):
        return "title"
    return "overlay"


def _scrolls(line: Line) -> bool:
    """Credits and tickers: steady movement along one axis only."""
    if len(line.sightings) < 3:
        return False
    xs = [box.x + box.w / 2 for _, box in line.sightings]
    ys = [box.y + box.h / 2 for _, box in line.sightings]
    dx, dy = abs(xs[-1] - xs[0]), abs(ys[-1] - ys[0])
    steady = all((b - a) * (ys[-1] - ys[0]) >= 0 for a, b in pairwise(ys))
    return steady and dy > 10 * max(1.0, dx)


def _is_watermark(line: Line, lines: Sequence[Line], canvas: Canvas) -> bool:
    box = line.box
    if min(box.w, box.h) > 0.11 * min(canvas.width, canvas.height):
        return False
    x, y = (box.x + box.w / 2) / canvas.width, (box.y + box.h / 2) / canvas.height
    if not (abs(x - 0.5) > 0.2 and abs(y - 0.5) > 0.28):
        return False
    text = line.best.text
    same = [other for other in lines if similarity(other.best.text, text) >= 0.8]
    shown = sum(other.end - other.start for other in same)
    return shown >= max(1.5, 0.5 * canvas.seconds)


def _is_subtitle(line: Line, lines: Sequence[Line], canvas: Canvas) -> bool:
    box = line.box
    if line.best.vertical or box.h > 0.16 * canvas.height or line.end - line.start > 15:
        return False
    x, y = (box.x + box.w / 2) / canvas.width, (box.y + box.h / 2) / canvas.height
    centred = abs(x - 0.5) < 0.12
    # A subtitle takes the place of another: same band, same height, other words, other time.
    band = [
        other
        for other in lines
        if other is not line
        and abs(other.box.y + other.box.h / 2 - box.y - box.h / 2) < 0.6 * box.h
        and 0.6 < other.box.h / max(1.0, box.h) < 1.7
        and (other.start >= line.end - 0.5 or other.end <= line.start + 0.5)
    ]
    if centred and y > 0.62:
        return bool(band) or (box.h < 0.1 * canvas.height and line.end - line.start < 8)
    return len(band) >= (2 if y > 0.55 else 3) and (centred or y > 0.62)


def _is_title(line: Line, lines: Sequence[Line], canvas: Canvas) -> bool:
    size = min(line.box.w, line.box.h)
    others = [min(other.box.w, other.box.h) for other in lines if other is not line]
    early = canvas.seconds <= 0 or line.start <= max(3.0, 0.1 * canvas.seconds)
    large = size >= 0.065 * min(canvas.width, canvas.height)
    return early and large and size >= 0.8 * max(others, default=0.0)


def language_of(text: str) -> str:
    """`zh`, `ja`, `ko`, `en` (any Latin script), or `und` when there are no letters."""
    names = [unicodedata.name(c, "") for c in text]
    if any(name.startswith(("HIRAGANA", "KATAKANA LETTER")) for name in names):
        return "ja"
    if any(name.startswith("HANGUL") for name in names):
        return "ko"
    if any(is_han(c) for c in text):
        return "zh"
    return "en" if any(name.startswith("LATIN") for name in names) else "und"
