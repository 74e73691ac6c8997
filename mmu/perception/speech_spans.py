"""From speech probabilities to spans, and from spans to pieces that a recogniser can take.

All times are seconds from the start of the clip.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmu.signals import Span


def speech_spans(
    probabilities: NDArray[np.float32],
    step: float,
    *,
    on: float = 0.5,
    off: float = 0.35,
    min_silence: float = 0.4,
    min_speech: float = 0.1,
    pad: float = 0.1,
    longest: float = 26.0,
) -> list[Span]:
    """Spans of speech by hysteresis, none longer than `longest` seconds.

    Args:
        probabilities: (n,) speech probability, one for every `step` seconds.
        step: seconds between two of them.
        on: speech begins at this probability.
        off: speech goes on while it stays above this one.
        min_silence: a shorter pause does not end a span, seconds.
        min_speech: a shorter span is left out, seconds.
        pad: added on both sides as far as there is room, seconds.
        longest: a longer span is cut at its weakest moment, seconds.
    """
    runs = _hysteresis(probabilities, on, off)
    merged: list[list[int]] = []
    for start, end in runs:
        if merged and (start - merged[-1][1]) * step < min_silence:
            merged[-1][1] = end
        else:
            merged.append([start, end])
    kept = [run for run in merged if (run[1] - run[0]) * step >= min_speech]
    total = probabilities.size * step
    spans: list[Span] = []
    for index, (start, end) in enumerate(kept):
        before = kept[index - 1][1] * step if index else 0.0
        after = kept[index + 1][0] * step if index + 1 < len(kept) else total
        padded = Span(
            max(start * step - pad, (before + start * step) / 2 if index else 0.0),
            min(end * step + pad, (after + end * step) / 2 if index + 1 < len(kept) else total),
        )
        spans.extend(_cut(padded, probabilities, step, longest))
    return spans


def _hysteresis(probabilities: NDArray[np.float32], on: float, off: float) -> list[tuple[int, int]]:
    above = np.concatenate([[False], probabilities >= off, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
    runs: list[tuple[int, int]] = []
    for start, end in edges:
        strong = np.flatnonzero(probabilities[start:end] >= on)
        if strong.size:
            runs.append((int(start + strong[0]), int(end)))
    return runs


def _cut(span: Span, probabilities: NDArray[np.float32], step: float, longest: float) -> list[Span]:
    out: list[Span] = []
    while span.seconds > longest:
        first, last = int((span.start + 0.5 * longest) / step), int((span.start + longest) / step)
        middle = (first + int(np.argmin(probabilities[first:last])) + 0.5) * step
        out.append(Span(span.start, middle))
        span = Span(middle, span.end)
    return [*out, span]


def group(spans: Sequence[Span], *, gap: float, longest: float) -> list[list[int]]:
    """Indices of neighbouring spans with pauses under `gap`, each group at most `longest` seconds."""
    groups: list[list[int]] = []
    for index, span in enumerate(spans):
        if groups:
            first, last = spans[groups[-1][0]], spans[groups[-1][-1]]
            if span.start - last.end < gap and span.end - first.start <= longest:
                groups[-1].append(index)
                continue
        groups.append([index])
    return groups


@dataclass(frozen=True, slots=True)
class Piece:
    """Spans of speech put one behind the other, with the way back to the clip's own time."""

    spans: tuple[Span, ...]
    language: str

    @property
    def seconds(self) -> float:
        return sum(span.seconds for span in self.spans)

    def to_clip(self, time: float) -> float:
        """A time within the piece as a time in the clip."""
        for span in self.spans:
            if time <= span.seconds:
                return span.start + max(0.0, time)
            time -= span.seconds
        return self.spans[-1].end

    def index(self, time: float) -> int:
        """Which of the spans a time within the piece falls into."""
        for number, span in enumerate(self.spans):
            if time < span.seconds:
                return number
            time -= span.seconds
        return len(self.spans) - 1


def pieces(spans: Sequence[Span], languages: Sequence[str], *, longest: float = 28.0) -> list[Piece]:
    """Pack neighbouring spans of one language together: a recogniser's call costs the same, however short."""
    out: list[Piece] = []
    for span, language in zip(spans, languages, strict=True):
        if out and out[-1].language == language and out[-1].seconds + span.seconds <= longest:
            out[-1] = Piece((*out[-1].spans, span), language)
        else:
            out.append(Piece((span,), language))
    return out
