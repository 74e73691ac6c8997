"""From the probabilities of a sound tagger over windows to events with spans."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmu.signals import Signal, Span

#: labels of one clip that are kept, the most probable first
MOST = 40
#: an event goes on while its label keeps this share of the threshold
_GOES_ON = 0.6


class SoundTagger(Protocol):
    """What the `sound` stage asks of a network that tags sound."""

    labels: tuple[str, ...]
    sample_rate: int

    def probabilities(self, pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(len(pieces), len(labels)) float32 for (n,) float32 mono pieces at `sample_rate`."""


def events(
    labels: Sequence[str],
    probabilities: NDArray[np.float32],
    windows: Sequence[Span],
    *,
    threshold: float,
    source: str,
    vocabulary: str = "audioset",
) -> list[Signal]:
    """`audio.event` signals in order of time: one for each stretch over which a label is heard.

    Args:
        labels: names of the columns.
        probabilities: (len(windows), len(labels)) float32 in [0, 1].
        windows: what each row was asked about; they may overlap.
        threshold: least probability of a label in its best window.
        source: of the signals.
        vocabulary: label map by which the labels become concepts.
    """
    if not len(windows):
        return []
    best = probabilities.max(axis=0)
    chosen = [index for index in np.argsort(-best, kind="stable")[:MOST] if best[index] >= threshold]
    out: list[Signal] = []
    for index in chosen:
        column = probabilities[:, index]
        for first, last in _runs(column, threshold):
            span = Span(windows[first].start, windows[last].end)
            score = float(min(1.0, column[first : last + 1].max()))
            attributes = {"vocabulary": vocabulary}
            out.append(Signal("audio.event", str(labels[index]), score, span, source, attributes=attributes))
    return sorted(out, key=lambda one: one.span or Span(0, 0))


def _runs(column: NDArray[np.float32], threshold: float) -> list[tuple[int, int]]:
    """First and last row of each stretch that stays above a share of the threshold and once exceeds it."""
    above = np.concatenate([[False], column >= threshold * _GOES_ON, [False]])
    edges = np.flatnonzero(above[1:] != above[:-1]).reshape(-1, 2)
    return [(int(a), int(b) - 1) for a, b in edges if column[a:b].max() >= threshold]


def windows_of(duration: float, *, seconds: float, step: float) -> list[Span]:
    """Windows of `seconds` every `step`, the last one ending with the clip."""
    if duration <= seconds:
        return [Span(0.0, duration)] if duration > 0 else []
    starts = np.arange(0.0, duration - seconds, step).tolist()
    return [Span(start, start + seconds) for start in (*starts, duration - seconds)]
