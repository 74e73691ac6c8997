"""One space for Chinese and English texts: two encoders side by side.

Multilingual E5 gives any two texts a cosine of 0.7 to 0.9: the mean of
everyday texts is taken away, so that unrelated ones lie near 0, and what is
left is put beside the vector of the Universal Sentence Encoder. The cosine of
two such vectors is the mean of both encoders' cosines.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from models.store import Store
from models.text_background import stored_mean
from models.text_e5 import DIMENSIONS as E5_DIMENSIONS
from models.text_e5 import E5
from models.text_e5 import SOURCE as E5_SOURCE
from models.text_use import DIMENSIONS as USE_DIMENSIONS
from models.text_use import SOURCE as USE_SOURCE
from models.text_use import Use

#: manifest names of the weights
MODELS = ("text-e5-small", "text-use")
SOURCE = f"{E5_SOURCE}+{USE_SOURCE}"
DIMENSIONS = E5_DIMENSIONS + USE_DIMENSIONS
#: texts in one run of a network
BATCH = 16
_Encoder = Callable[[Sequence[str]], NDArray[np.float32]]


class TextEmbedder:
    """Texts to unit vectors in which nearness is nearness in meaning, within and across languages.

    Safe to share between threads. Vectors of the texts seen last are kept.
    """

    def __init__(self, store: Store, *, threads: int = 1, cache: int = 8192) -> None:
        """Load both encoders (some seconds); `cache` is the number of texts that each remembers.

        Raises:
            ModelError: weights are missing or damaged.
        """
        e5, mean = E5(store.file("text-e5-small"), threads=threads), stored_mean()

        def centred(texts: Sequence[str]) -> NDArray[np.float32]:
            vectors = e5.embed(texts) - mean
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
            return vectors

        self._e5 = _Remembered(centred, E5_DIMENSIONS, cache)
        folder = store.folder("text-use")
        use = Use(folder / "weights.npz", folder / "sp.model", threads=threads)
        self._use = _Remembered(use.embed, USE_DIMENSIONS, cache)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 896) float32, L2-normalised; an empty text gives zeros.

        Unrelated texts have cosines about 0, the same thing said differently from about 0.5.
        """
        both = [encoder.embed(texts) for encoder in (self._e5, self._use)]
        return np.concatenate(both, axis=1) * np.float32(0.5**0.5)

    def embed_quickly(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 512) float32, L2-normalised, by the second encoder alone: a tenth of the work, a bit worse."""
        return self._use.embed(texts)


class _Remembered:
    """An encoder that keeps the vectors of the texts seen last. Safe to share between threads."""

    def __init__(self, encode: _Encoder, width: int, size: int) -> None:
        self._encode = encode
        self._width = width
        self._size = size
        self._cache: OrderedDict[str, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, width) float32; an empty text gives zeros."""
        with self._lock:
            known = {text: self._cache[text] for text in texts if text in self._cache}
            fresh = list(dict.fromkeys(text for text in texts if text.strip() and text not in known))
            known.update(zip(fresh, self._batched(fresh), strict=True))
            for text in dict.fromkeys(texts):
                if text in known:
                    self._cache[text] = known[text]
                    self._cache.move_to_end(text)
            while len(self._cache) > self._size:
                self._cache.popitem(last=False)
        vectors = np.zeros((len(texts), self._width), np.float32)
        for row, text in enumerate(texts):
            if text in known:
                vectors[row] = known[text]
        return vectors

    def _batched(self, texts: Sequence[str]) -> NDArray[np.float32]:
        vectors = np.empty((len(texts), self._width), np.float32)
        # Texts of about one length go together: padding costs as much as text.
        sizes = [len(text.encode()) for text in texts]
        order = sorted(range(len(texts)), key=lambda index: sizes[index])
        while order:
            longest = 1.5 * sizes[order[0]] + 8
            count = sum(sizes[index] <= longest for index in order[:BATCH])
            chosen, order = order[:count], order[count:]
            vectors[chosen] = self._encode([texts[index] for index in chosen])
        return vectors
