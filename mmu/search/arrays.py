"""What of a document is scanned, and all of it as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmu.search.document import Document
from mmu.search.vectors import quantised


@dataclass(frozen=True, slots=True, eq=False)
class Item:
    """One document with what is scanned of it."""

    document: Document
    #: (n,) int32 ids of units and (n,) float32 how far each is believed
    units: NDArray[np.int32]
    scores: NDArray[np.float32]
    #: (m, 896) int8 vectors: the first of what is shown, the others of the document's pieces
    vectors: NDArray[np.int8]


@dataclass(frozen=True, slots=True, eq=False)
class Arrays:
    """Everything that is scanned, as it was at one moment; row numbers are those of the table `video`."""

    #: (rows + 1,) int64: entries of row i are [starts[i], starts[i + 1])
    starts: NDArray[np.int64]
    units: NDArray[np.int32]
    scores: NDArray[np.float32]
    vectors: NDArray[np.int8]
    #: (6, m) uint64
    codes: NDArray[np.uint64]
    #: (m,) int32 row of each vector, -1 = removed
    owners: NDArray[np.int32]
    #: (m,) int32 0 = what is shown, else number of the piece from 1
    pieces: NDArray[np.int32]
    #: (units,) float32 how much of each unit the mean video has
    common: NDArray[np.float32]
    #: (rows,) whether the row was not removed
    alive: NDArray[np.bool_]

    @property
    def rows(self) -> int:
        return len(self.starts) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Facts:
    """What filters ask for, by row: (rows,) each; seconds, NaN where the row was removed, and texts."""

    durations: NDArray[np.float64]
    categories: NDArray[np.object_]
    decisions: NDArray[np.object_]
    languages: NDArray[np.object_]


def item_of(
    document: Document, known: dict[str, int], vectors: NDArray[np.float32], pieces: NDArray[np.float32]
) -> Item:
    """A document with what is scanned of it; `known` numbers its things, `vectors` are theirs by number."""
    ids = np.array([known[thing.key] for thing in document.things], np.int32)
    scores = np.array([thing.score for thing in document.things], np.float32)
    own = shown(vectors[ids], scores)
    return Item(document, ids, scores, quantised(np.concatenate([own[None], pieces.reshape(-1, len(own))])))


def shown(vectors: NDArray[np.float32], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """(896,) float32: things as one vector, each weighted by how far it is believed."""
    mixed = (
        (scores[:, None] * vectors).sum(axis=0) if len(scores) else np.zeros(vectors.shape[1:], np.float32)
    )
    return np.asarray(mixed / max(1e-9, float(np.linalg.norm(mixed))), np.float32)
