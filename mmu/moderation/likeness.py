"""What a text reads like: its nearness in meaning to described violations and to ordinary videos.

Every category has a few sentences such as its videos say; a further list has
what ordinary videos say. The margin of a category is the mean cosine of the
text with the two nearest of its sentences, less that of the ordinary ones. No
training: the sentences are written from the meaning of the category.
"""

from __future__ import annotations

import hashlib
import math
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.text_embedding import SOURCE

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

#: name of the ordinary side
HARMLESS = "harmless"
#: sentences of a category whose cosines count
NEAREST = 2
#: a text of fewer Chinese characters says too little to be sure of; a letter says a quarter of one
ENOUGH_CHARACTERS = 40
LETTER = 0.25


class Likeness:
    """Sentences by category, embedded when first asked."""

    def __init__(self, sentences: Mapping[str, Sequence[str]], *, cache: Path | None = None) -> None:
        """Keep the sentences.

        Args:
            sentences: by category; `harmless` is the other side of every comparison.
            cache: folder that keeps the vectors between processes.
        """
        self.names = tuple(name for name in sentences if name != HARMLESS)
        self._sentences = {name: tuple(sentences.get(name, ())) for name in (*self.names, HARMLESS)}
        self._cache = cache
        self._vectors: NDArray[np.float32] | None = None
        self._lock = threading.Lock()

    def __bool__(self) -> bool:
        return bool(self.names) and bool(self._sentences[HARMLESS])

    def cosines(self, vectors: NDArray[np.float32], embed: Embed) -> NDArray[np.float32]:
        """(n, categories + 1) float32: nearness of unit vectors to each category, the ordinary side last."""
        similar = vectors @ self._load(embed).T
        columns = []
        start = 0
        for sentences in self._sentences.values():
            part = np.sort(similar[:, start : start + len(sentences)], axis=1)
            columns.append(part[:, -NEAREST:].mean(axis=1))
            start += len(sentences)
        return np.stack(columns, axis=1).astype(np.float32)

    def margins(self, text: str, embed: Embed) -> dict[str, float]:
        """Of each category, how much nearer the text is to it than to the ordinary side; {} without text."""
        if not text.strip() or not self:
            return {}
        cosines = self.cosines(embed([text]), embed)[0]
        factor = trust(text)
        return {name: float((cosines[i] - cosines[-1]) * factor) for i, name in enumerate(self.names)}

    def nearest(self, name: str, text: str, embed: Embed) -> str:
        """The sentence of a category that the text is nearest to."""
        at = list(self._sentences).index(name)
        start = sum(len(one) for one in list(self._sentences.values())[:at])
        own = self._sentences[name]
        similar = embed([text])[0] @ self._load(embed)[start : start + len(own)].T
        return own[int(np.argmax(similar))]

    def _load(self, embed: Embed) -> NDArray[np.float32]:
        with self._lock:
            if self._vectors is None:
                texts = [text for sentences in self._sentences.values() for text in sentences]
                self._vectors = self._cached(texts, embed)
            return self._vectors

    def _cached(self, texts: Sequence[str], embed: Embed) -> NDArray[np.float32]:
        if self._cache is None:
            return embed(texts)
        key = hashlib.sha256("\n".join([SOURCE, *texts]).encode()).hexdigest()[:32]
        path = self._cache / f"{key}.npy"
        try:
            stored: NDArray[np.float32] = np.load(path, allow_pickle=False).astype(np.float32)
            if stored.ndim == 2 and len(stored) == len(texts):
                return stored
        except (OSError, ValueError):
            pass
        vectors = embed(texts)
        try:
            self._cache.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(f".{threading.get_ident()}.tmp")
            with temporary.open("wb") as file:
                np.save(file, vectors.astype(np.float32))
            temporary.replace(path)
        except OSError:
            pass  # without the cache it is only slower
        return vectors


def trust(text: str) -> float:
    """How much of a margin counts: all of it from 40 Chinese characters on."""
    size = sum(1.0 if "\u2e80" <= character <= "\uffef" else LETTER for character in text)
    return min(1.0, math.sqrt(size / ENOUGH_CHARACTERS))
