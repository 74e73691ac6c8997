"""What a video or a text looks like in the spaces in which concepts are taught.

An example is a set of vectors a space: several faces, several shots, one
mixture of labels. Two examples are as near as their nearest pair.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from mmu.reasoning.similarity import Embedder
from mmu.signals import Signal, Span

Space = Literal["words", "labels", "picture", "face", "voice", "sound"]
Vectors = NDArray[np.float32]

SPACES: tuple[Space, ...] = get_args(Space)
#: labels are hashed into so many places: vocabularies may grow without breaking what was taught
LABEL_DIMENSIONS = 4096
#: characters of a video's own words that are embedded
WORDS = 400
_LABELS = ("image.label", "image.object", "image.scene", "person.action", "person.gesture")
_SOUNDS = ("music.tag", "audio.event", "audio.segment")
_EMBEDDED: dict[Space, str] = {"picture": "image.embedding", "face": "face.person", "voice": "speech.speaker"}


@dataclass(slots=True)
class Example:
    """Unit vectors `(n, d)` by space, and when each is seen or heard; spaces that say nothing are absent."""

    vectors: dict[Space, Vectors] = field(default_factory=dict)
    spans: dict[Space, list[Span | None]] = field(default_factory=dict)

    def put(self, space: Space, rows: Iterable[NDArray[np.floating]], spans: list[Span | None]) -> None:
        """Add the rows of one space, normalised; zero rows are left out."""
        kept = [
            (unit(np.asarray(row, np.float32)), span)
            for row, span in zip(rows, spans, strict=True)
            if np.any(row)
        ]
        if kept:
            self.vectors[space] = np.stack([row for row, _ in kept])
            self.spans[space] = [span for _, span in kept]


def text_example(text: str, embedder: Embedder | None) -> Example:
    """An example that is only words."""
    example = Example()
    if embedder is not None and text.strip():
        example.put("words", embedder.embed([text[:WORDS]]), [None])
    return example


def signal_example(signals: Iterable[Signal], embedder: Embedder | None, *, title: str = "") -> Example:
    """The example that the signals of one video make.

    Args:
        signals: with embeddings where faces, voices and pictures shall count.
        embedder: of the words that are said and shown; without it words do not count.
        title: the user's words, read before those of the video.
    """
    known = list(signals)
    said = [str(one.value) for one in known if one.kind in ("text.line", "speech.segment") and one.value]
    example = text_example(" ".join([title, *said]).strip(), embedder)
    for space, kinds in (("labels", _LABELS), ("sound", _SOUNDS)):
        mixture = _mixture(one for one in known if one.kind in kinds)
        example.put(space, [label_vector(mixture)], [None])  # type: ignore[arg-type]
    for space, kind in _EMBEDDED.items():
        shown = [one for one in known if one.kind == kind and one.embedding is not None]
        rows = [np.asarray(one.embedding, np.float32) for one in shown]
        example.put(space, rows, [one.span for one in shown])
    return example


def _mixture(signals: Iterable[Signal]) -> dict[str, float]:
    """Label with its vocabulary -> the highest score seen."""
    mixture: dict[str, float] = {}
    for one in signals:
        label = f"{one.attributes.get('vocabulary', one.kind)}:{one.value}"
        mixture[label] = max(mixture.get(label, 0.0), 1.0 if one.score is None else one.score)
    return mixture


def label_vector(mixture: Mapping[str, float]) -> Vectors:
    """`(4096,)` float32: roots of the scores, so that the cosine of two mixtures is their overlap.

    Labels are hashed with a sign (Weinberger et al., "Feature Hashing", ICML 2009).
    """
    vector = np.zeros(LABEL_DIMENSIONS, np.float32)
    for label, score in mixture.items():
        code = zlib.crc32(label.encode())
        vector[code % LABEL_DIMENSIONS] += (1 if code >> 31 else -1) * max(score, 0.0) ** 0.5
    return vector


def unit(vector: NDArray[np.floating]) -> Vectors:
    """The vector at length 1; zeros stay zeros."""
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)
