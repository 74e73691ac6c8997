"""Scoring of `ocr` entries: which true lines were read, and with how many wrong characters."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rapidfuzz.distance import Levenshtein

#: a true line counts as read when at least this share of its characters is right
MATCH = 0.8
#: lines of the picture that one true line may be spread over
_LONGEST_RUN = 4
#: seconds by which the span of a read line may miss the time at which the true line is visible
_TOLERANCE_S = 0.5


class ReadLine(NamedTuple):
    """A line as reported: its text, and its span in seconds (None for a still picture)."""

    text: str
    span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class OcrScore:
    """Counts of one entry; add them up over entries before dividing."""

    lines: int
    matched: int
    #: characters of the matched true lines, and the edits that turn what was read into them
    characters: int
    edits: int
    #: the true lines that were not read
    missed: tuple[str, ...]
    #: lines read although `exact` truth says that the picture holds none
    false_lines: int

    @property
    def line_recall(self) -> float | None:
        return self.matched / self.lines if self.lines else None

    @property
    def cer(self) -> float | None:
        return self.edits / self.characters if self.characters else None


def normalise(text: str) -> str:
    """Ignore case, white space and full or half width."""
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def score(entry: Mapping[str, Any], read_lines: Sequence[ReadLine]) -> OcrScore:
    """Compare the lines read, in reading order, with one `ocr` entry of `truth.jsonl`.

    A true line counts as read when some run of up to four read lines, or a
    part of one, equals it with at most a fifth of its characters wrong.
    """
    truth: list[str] = entry["lines"]
    spans = entry.get("spans") or [None] * len(truth)
    prefix = entry.get("match") == "prefix"
    matched = characters = edits = 0
    missed = []
    for text, span in zip(truth, spans, strict=True):
        wanted = normalise(text)
        visible = [line for line in read_lines if span is None or _overlaps(line.span, span)]
        distance = _distance(wanted, [normalise(line.text) for line in visible], prefix=prefix)
        if distance <= (1 - MATCH) * len(wanted) + 1e-9:
            matched += 1
            characters += len(wanted)
            edits += distance
        else:
            missed.append(text)
    false_lines = len(read_lines) if not truth and entry.get("exact") else 0
    return OcrScore(len(truth), matched, characters, edits, tuple(missed), false_lines)


def _overlaps(span: tuple[float, float] | None, visible: Sequence[float]) -> bool:
    if span is None:
        return True
    return span[0] <= visible[1] + _TOLERANCE_S and visible[0] <= span[1] + _TOLERANCE_S


def _distance(wanted: str, lines: Sequence[str], *, prefix: bool) -> int:
    """Fewest edits between `wanted` and a run of lines, or the part of a run that fits it best."""
    best = len(wanted)
    for start in range(len(lines)):
        run = ""
        for line in lines[start : start + _LONGEST_RUN]:
            run += line
            best = min(best, Levenshtein.distance(wanted, run))
            if len(run) > len(wanted):
                best = min(best, _part(wanted, run, prefix=prefix))
    return best


def _part(wanted: str, run: str, *, prefix: bool) -> int:
    """Fewest edits between `wanted` and any part of `run` (its beginning for `prefix`)."""
    # One row of the edit matrix; a part may begin anywhere, so the first row is free.
    previous = list(range(len(run) + 1)) if prefix else [0] * (len(run) + 1)
    for i, character in enumerate(wanted, 1):
        current = [i]
        for j, other in enumerate(run, 1):
            current.append(min(previous[j] + 1, current[j - 1] + 1, previous[j - 1] + (character != other)))
        previous = current
    return min(previous)
