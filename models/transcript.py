"""What a speech recogniser gives: segments with word times, and the measures by which they can be doubted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

#: zlib ratio of a text above which its decoder went round in circles (Radford et al. 2022)
LOOPING = 2.4
#: a pause that ends a sentence whatever its punctuation, and the least length of one, seconds
_PAUSE, _SHORTEST = 0.9, 0.8
_ENDS = tuple("。！？!?.…")

#: (n,) float32 mono at 16 kHz, up to 30 s, and its language as ISO 639-1
Piece = tuple[NDArray[np.float32], str]


@dataclass(frozen=True, slots=True)
class Word:
    """One word with its times in seconds from the start of the samples, and its probability."""

    start: float
    end: float
    text: str
    probability: float


@dataclass(frozen=True, slots=True)
class Transcript:
    """One segment as it was decoded, with the measures by which it can be doubted."""

    start: float
    end: float
    text: str
    words: tuple[Word, ...]
    avg_logprob: float
    no_speech_prob: float
    compression_ratio: float


class Recogniser(Protocol):
    """What the `speech` stage asks of a speech recogniser."""

    #: name and version that signals carry as their source
    source: str
    #: pieces that it likes to get at once
    batch: int

    def languages(self, samples: NDArray[np.float32]) -> dict[str, float]:
        """Probability of every language of (n,) float32 mono at 16 kHz, ISO 639-1 code -> [0, 1]."""

    def transcribe_many(self, pieces: Sequence[Piece]) -> list[list[Transcript]]:
        """What is said in each of the pieces, in their order."""


def by_language(pieces: Sequence[Piece]) -> dict[str, list[int]]:
    """Indices of the pieces of each language."""
    groups: dict[str, list[int]] = {}
    for index, (_, language) in enumerate(pieces):
        groups.setdefault(language, []).append(index)
    return groups


def by_sentence(whole: Transcript) -> list[Transcript]:
    """A transcript cut after sentences and long pauses; one that was decoded without timestamps has none."""
    parts: list[list[Word]] = []
    for word in whole.words:
        if not parts or _ended(parts[-1], word):
            parts.append([])
        parts[-1].append(word)
    return [
        replace(
            whole,
            start=words[0].start,
            end=words[-1].end,
            text="".join(word.text for word in words).strip(),
            words=tuple(words),
        )
        for words in parts
    ]


def _ended(words: Sequence[Word], following: Word) -> bool:
    last = words[-1]
    long_enough = last.end - words[0].start >= _SHORTEST
    return following.start - last.end >= _PAUSE or (long_enough and last.text.rstrip().endswith(_ENDS))
