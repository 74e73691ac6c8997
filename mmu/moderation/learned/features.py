"""From a video's words to numbers: characters, meaning, likeness to described violations, structure.

Each block is scaled to about unit length a row and weighted; one kernel of two
rows is then the weighted sum of the blocks' kernels, which a linear model on
the blocks side by side realises.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.kernel_approximation import Nystroem

from mmu.errors import StoreError
from mmu.moderation.learned.rules import confidences
from mmu.moderation.learned.structure import structure
from mmu.moderation.likeness import HARMLESS, Embed, Likeness
from mmu.moderation.policy import Policy
from mmu.moderation.texts import Words
from models.store import default_root

Matrix = NDArray[np.float64]

#: character n-grams by field: their name, the n of the longest
GRAMS: dict[str, int] = {"title": 2, "screen": 2, "speech": 2, "all": 3}
EMBEDDED = ("title_meaning", "screen_meaning", "speech_meaning", "together_meaning")
#: width of the Gaussian kernels, over the number of their columns
GAMMA = 0.3
#: rows that span a Gaussian kernel
LANDMARKS = 600
#: n-grams kept of a field, the most frequent first
VOCABULARY = 60_000

#: weights for violating or not, and for which violation
VIOLATION: dict[str, float] = {
    "title": 1.0,
    "screen": 1.0,
    "speech": 1.0,
    "all": 1.0,
    **dict.fromkeys(EMBEDDED, 1.0),
    "structure": 0.5,
    "structure_near": 3.0,
    "likeness": 0.2,
    "likeness_near": 1.0,
}
KIND: dict[str, float] = {
    "all": 1.0,
    **dict.fromkeys(EMBEDDED[:3], 1.0),
    "together_meaning": 2.0,
    "structure": 0.2,
    "likeness": 0.5,
}


@dataclass(frozen=True, slots=True)
class Read:
    """What is known of rows before anything is fitted: made once, used by every fold."""

    texts: Sequence[Words]
    meaning: NDArray[np.float32]
    likeness: Matrix
    structure: Matrix
    #: of the likeness rules, whose cosines `likeness` holds for each field, the ordinary side last
    names: tuple[str, ...]
    #: (n, names): what words and contacts say of the category of each likeness rule, 0 to 1
    rules: Matrix

    def take(self, rows: NDArray[np.intp]) -> Read:
        """Some of the rows."""
        return Read(
            [self.texts[i] for i in rows],
            self.meaning[:, rows],
            self.likeness[rows],
            self.structure[rows],
            self.names,
            self.rules[rows],
        )


def read(texts: Sequence[Words], likeness: Likeness, embed: Embed, policy: Policy) -> Read:
    """Embed the texts, four a row, compare them with the described violations, and apply the word rules."""
    fields = [words.fields for words in texts]
    flat = [text for row in fields for text in row]
    vectors = embed(flat).reshape(len(texts), len(EMBEDDED), -1).swapaxes(0, 1)
    near = [likeness.cosines(np.ascontiguousarray(one), embed) for one in vectors]
    cosines = np.concatenate(near, axis=1).astype(np.float64)
    rules = confidences(policy, texts, likeness.names)
    return Read(texts, vectors, cosines, structure(texts), likeness.names, rules)


class Features:
    """Fitted blocks. `fit` or `load`, then `blocks`."""

    def __init__(self) -> None:
        self._grams: dict[str, TfidfVectorizer] = {}
        self._scale: dict[str, tuple[Matrix, Matrix]] = {}
        self._near: dict[str, Nystroem] = {}

    def fit(self, rows: Read) -> Features:
        """Learn vocabularies, scales and landmarks."""
        for name, size in GRAMS.items():
            texts = _texts(rows, name)
            vectorizer = _vectorizer(size)
            try:
                self._grams[name] = vectorizer.fit(texts)
            except ValueError:  # no text at all in this field
                self._grams[name] = _vectorizer(size, vocabulary=[" "]).fit([" "])
        for name in ("structure", "likeness"):
            values: Matrix = getattr(rows, name)
            spread = values.std(axis=0)
            self._scale[name] = values.mean(axis=0), np.where(spread > 1e-9, spread, 1.0)
            scaled = self._scaled(rows, name)
            count = min(LANDMARKS, len(scaled))
            self._near[name] = Nystroem(gamma=GAMMA / scaled.shape[1], n_components=count, random_state=0)
            self._near[name].fit(scaled)
        return self

    def blocks(self, rows: Read) -> dict[str, Any]:
        """Name -> (n, columns), sparse for n-grams."""
        found: dict[str, Any] = {
            name: vectorizer.transform(_texts(rows, name)) for name, vectorizer in self._grams.items()
        }
        found |= {name: rows.meaning[i].astype(np.float64) for i, name in enumerate(EMBEDDED)}
        for name in ("structure", "likeness"):
            scaled = self._scaled(rows, name)
            found[name] = scaled / scaled.shape[1] ** 0.5
            found[f"{name}_near"] = self._near[name].transform(scaled)
        return found

    def grams(self, name: str, texts: Sequence[str]) -> Any:
        """Sparse (n, vocabulary) of one n-gram block, of any texts."""
        return self._grams[name].transform(texts)

    def _scaled(self, rows: Read, name: str) -> Matrix:
        mean, spread = self._scale[name]
        values: Matrix = getattr(rows, name)
        return np.clip((values - mean) / spread, -6.0, 6.0)

    def to_data(self) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
        """Arrays and plain values that `load` takes."""
        arrays: dict[str, NDArray[Any]] = {}
        vocabularies: dict[str, list[str]] = {}
        for name, vectorizer in self._grams.items():
            vocabularies[name] = vectorizer.get_feature_names_out().tolist()
            arrays[f"idf.{name}"] = np.asarray(vectorizer.idf_, np.float32)
        for name, (mean, spread) in self._scale.items():
            arrays[f"mean.{name}"], arrays[f"spread.{name}"] = mean, spread
            arrays[f"landmarks.{name}"] = self._near[name].components_
            arrays[f"normal.{name}"] = self._near[name].normalization_
        return arrays, {"vocabularies": vocabularies}

    @classmethod
    def load(cls, arrays: Mapping[str, NDArray[Any]], values: Mapping[str, Any]) -> Features:
        """The features that `to_data` described.

        Raises:
            StoreError: a part is missing or does not fit the others.
        """
        self = cls()
        try:
            for name, size in GRAMS.items():
                words = [str(word) for word in values["vocabularies"][name]]
                vectorizer = _vectorizer(size, vocabulary=words)
                vectorizer.idf_ = np.asarray(arrays[f"idf.{name}"], np.float64)
                self._grams[name] = vectorizer
            for name in ("structure", "likeness"):
                self._scale[name] = arrays[f"mean.{name}"], arrays[f"spread.{name}"]
                landmarks = arrays[f"landmarks.{name}"]
                near = Nystroem(gamma=GAMMA / landmarks.shape[1], n_components=len(landmarks))
                near.components_, near.normalization_ = landmarks, arrays[f"normal.{name}"]
                near.component_indices_ = np.arange(len(landmarks))
                near.n_features_in_ = landmarks.shape[1]
                self._near[name] = near
        except (KeyError, ValueError, IndexError) as error:
            raise StoreError(f"not the features of a trained classifier: {error!r}") from error
        return self


@dataclass(frozen=True, slots=True)
class Stacked:
    """The weighted blocks side by side: n-grams sparse, all else dense."""

    grams: sp.csr_matrix
    dense: Matrix

    def take(self, rows: NDArray[Any]) -> Stacked:
        """Some of the rows."""
        return Stacked(self.grams[rows], self.dense[rows])

    def gram(self) -> Matrix:
        """(n, n): inner products of all rows."""
        grams: Matrix = np.asarray((self.grams @ self.grams.T).todense())
        return grams + self.dense @ self.dense.T

    def times(self, weights: NDArray[Any]) -> Matrix:
        """(n, k) product with weights (columns, k)."""
        split = self.grams.shape[1]
        product: Matrix = np.asarray(self.grams @ weights[:split]) + self.dense @ weights[split:]
        return product

    def weights(self, dual: Matrix) -> Matrix:
        """(columns, k) weights of the rows' coefficients (n, k)."""
        return np.concatenate([np.asarray(self.grams.T @ dual), self.dense.T @ dual])


def stack(blocks: Mapping[str, Any], weights: Mapping[str, float]) -> Stacked:
    """The weighted blocks of a regression, n-grams first."""
    sparse = [blocks[name] * weight**0.5 for name, weight in weights.items() if name in GRAMS]
    dense = [blocks[name] * weight**0.5 for name, weight in weights.items() if name not in GRAMS]
    return Stacked(sp.csr_matrix(sp.hstack(sparse)), np.concatenate(dense, axis=1))


def likeness_of(sentences: Mapping[str, Sequence[str]]) -> Likeness:
    """Likeness of a stored model's sentences; their vectors are kept beside those of policies."""
    cache = default_root() / "cache" / "likeness"
    return Likeness({**sentences, HARMLESS: sentences.get(HARMLESS, ())}, cache=cache)


def _vectorizer(longest: int, *, vocabulary: list[str] | None = None) -> TfidfVectorizer:
    return TfidfVectorizer(
        analyzer="char",
        ngram_range=(1, longest),
        sublinear_tf=True,
        vocabulary=vocabulary,
        max_features=None if vocabulary else VOCABULARY,
        dtype=np.float64,
    )


def _texts(rows: Read, name: str) -> list[str]:
    return [text_of(words, name) for words in rows.texts]


def text_of(words: Words, name: str) -> str:
    """The text that an n-gram block reads."""
    if name == "title":
        return words.title
    if name == "speech":
        return words.speech
    screen = "。".join(words.lines)
    return screen if name == "screen" else f"{words.title}\n{screen}\n{words.speech}"
