"""How near topics are to what a video says and shows, by meaning rather than by words."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from models.store import Store

#: manifest names of the weights that `load_similarity` uses
MODELS = ("text-e5-small", "text-use")
#: characters of text that are embedded together, and the most such pieces
PIECE = 240
PIECES = 8
#: of pairs that are near, 97 in 100 lie no further below that by the quick encoder
_QUICK_MARGIN = 0.02
_ENDS = re.compile(r"(?<=[。！？!?.;；\n])")


class Embedder(Protocol):
    """Texts to unit vectors, zeros for an empty text."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class TwoEncoders(Embedder, Protocol):
    """An embedder with a quick way; see `models.text_embedding.TextEmbedder`."""

    def embed_quickly(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class TopicSimilarity:
    """Cosines of topics with texts; the encoders are loaded when first asked.

    `quick` takes one encoder in place of two: a tenth of the time, for what is clear already.
    """

    def __init__(self, load: Callable[[], TwoEncoders]) -> None:
        self._make = load
        self._embedder: TwoEncoders | None = None
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, d) float32 unit vectors, zeros for an empty text."""
        return self.load().embed(texts)

    def load(self) -> TwoEncoders:
        """The encoders, loaded once."""
        with self._lock:
            self._embedder = self._embedder or self._make()
        return self._embedder

    def to_texts(
        self, topics: Sequence[str], texts: Sequence[str], *, quick: bool = False
    ) -> NDArray[np.float32]:
        """(n,) float32: each topic's cosine with the nearest piece of the texts, 0 without texts.

        Unrelated about 0.1, the subject of the text from about 0.3.
        """
        return self._nearest(topics, pieces(texts), quick=quick)

    def to_names(
        self, topics: Sequence[str], names: Sequence[str], *, near: float | None = None
    ) -> NDArray[np.float32]:
        """(n,) float32: each topic's cosine with the nearest name, 0 without names.

        Names of different things are mostly below 0.3, of the same thing from about 0.5. With `near`, a
        topic that cannot come to so much has the quick encoder's cosine.
        """
        names = [name for name in names if name.strip()]
        if near is None or not topics or not names:
            return self._nearest(topics, names, quick=False)
        vectors = self.load().embed_quickly([*topics, *names])
        cosines = vectors[: len(topics)] @ vectors[len(topics) :].T
        pairs = cosines >= near - _QUICK_MARGIN
        rows = np.flatnonzero(pairs.any(axis=1)).tolist()
        columns = np.flatnonzero(pairs.any(axis=0)).tolist()
        found = np.asarray(cosines.max(axis=1), np.float32)
        found[rows] = self._nearest([topics[i] for i in rows], [names[i] for i in columns], quick=False)
        return found

    def _nearest(self, topics: Sequence[str], others: Sequence[str], *, quick: bool) -> NDArray[np.float32]:
        if not topics or not others:
            return np.zeros(len(topics), np.float32)
        encoders = self.load()
        vectors = (encoders.embed_quickly if quick else encoders.embed)([*topics, *others])
        cosines = vectors[: len(topics)] @ vectors[len(topics) :].T
        return np.asarray(cosines.max(axis=1), np.float32)


def load_similarity(store: Store, *, threads: int = 1) -> TopicSimilarity | None:
    """Similarity through the shipped encoders, not yet loaded; None where their weights are missing."""
    if not all(store.has(name) for name in MODELS):
        return None

    def load() -> TwoEncoders:
        from models.text_embedding import TextEmbedder

        return TextEmbedder(store, threads=threads)

    return TopicSimilarity(load)


def pieces(texts: Sequence[str]) -> list[str]:
    """The texts in pieces of about a paragraph, cut between sentences where that is possible."""
    found: list[str] = []
    current = ""
    for text in texts:
        for sentence in _ENDS.split(text):
            for start in range(0, len(sentence), PIECE):
                part = sentence[start : start + PIECE]
                if current and len(current) + len(part) > PIECE:
                    found.append(current)
                    current = ""
                current += part
        current += " " if current else ""
    return [piece.strip() for piece in [*found, current] if piece.strip()][:PIECES]
