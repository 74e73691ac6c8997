"""Finds candidates by each way of looking, then compares them all in every way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmu.search.arrays import Arrays
from mmu.search.query import Query
from mmu.search.vectors import cosines, nearest

#: candidates that each way of looking may name
BY_THINGS, BY_VECTORS, BY_WORDS = 300, 400, 200
#: what each way of looking counts in the score
THINGS, SHOWN, TEXT, WORDS = 1.0, 0.8, 0.5, 0.5
#: a part of the query that fits this share of the videos is worth half a rare one
_SMOOTH = 0.02
#: rows whose things are added up at a time
_CHUNK = 2048


@dataclass(frozen=True, slots=True)
class Scored:
    """A row of the index and how well it answers, with its parts."""

    row: int
    score: float
    things: float
    shown: float
    text: float
    words: float
    #: number of the piece of text nearest in meaning, from 1; 0 = none
    piece: int


def search(
    query: Query, arrays: Arrays, by_words: Mapping[int, float], allowed: NDArray[np.bool_], limit: int
) -> list[Scored]:
    """The rows that answer a query best, best first.

    Args:
        query: from `interpret`, against the units of the same index.
        arrays: of the index.
        by_words: row -> BM25 of rows found by words.
        allowed: (rows,) rows that may be named.
        limit: rows to name at most.
    """
    rows = _candidates(query, arrays, by_words, allowed)
    if not len(rows):
        return []
    things = things_scores(query, arrays, rows)
    shown, text, piece = _vector_scores(query.vector, arrays, rows)
    bm25 = np.array([by_words.get(int(row), 0.0) for row in rows], np.float32)
    bm25 /= max(1e-9, float(bm25.max(initial=0.0)))
    score = THINGS * things + SHOWN * shown + TEXT * text + WORDS * bm25
    order = np.argsort(-score, kind="stable")[:limit]
    top = THINGS + SHOWN + TEXT + WORDS
    return [
        Scored(
            int(rows[at]),
            float(np.clip(score[at] / top, 0.0, 1.0)),
            float(things[at]),
            float(shown[at]),
            float(text[at]),
            float(bm25[at]),
            int(piece[at]),
        )
        for at in order
    ]


def _candidates(
    query: Query, arrays: Arrays, by_words: Mapping[int, float], allowed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    found = [np.array([row for row in by_words if allowed[row]], np.int64)]
    if arrays.rows <= BY_THINGS:
        found.append(np.flatnonzero(allowed))
    else:
        best = np.where(allowed, _quick_things(query, arrays), -1.0)
        chosen = np.argpartition(-best, BY_THINGS)[:BY_THINGS]
        found.append(chosen[best[chosen] > 0])
        owners = arrays.owners[nearest(query.vector, arrays.codes, BY_VECTORS)]
        owners = owners[owners >= 0]
        found.append(owners[allowed[owners]].astype(np.int64))
    return np.unique(np.concatenate(found))


def part_weights(query: Query, arrays: Arrays) -> NDArray[np.float32]:
    """(parts,) float32 weights that add up to 1: the fewer videos a part fits, the more it says."""
    if not query.parts:
        return np.zeros(0, np.float32)
    size = len(query.parts[0].fits)
    common = np.zeros(size, np.float32)
    common[: len(arrays.common)] = arrays.common[:size]
    fits = np.stack([part.fits for part in query.parts])
    share = np.minimum(1.0, fits @ common)
    # A part that fits nothing at all cannot tell videos apart, and must not take the others' weight.
    weights = np.where(fits.max(axis=1, initial=0.0) > 0, np.log1p(1.0 / (share + _SMOOTH)), 0.0)
    return np.asarray(weights / max(1e-9, float(weights.sum())), np.float32)


def _quick_things(query: Query, arrays: Arrays) -> NDArray[np.float32]:
    """(rows,) float32: what all things of a row have to do with the query, added up; one pass over all."""
    if not query.parts or not len(arrays.units):
        return np.zeros(arrays.rows, np.float32)
    weights = part_weights(query, arrays)
    fits = (weights[:, None] * np.stack([part.fits for part in query.parts])).sum(axis=0)
    sums = np.zeros(arrays.rows, np.float32)
    # A piece at a time stays in the processor's cache.
    for row in range(0, arrays.rows, _CHUNK):
        starts = arrays.starts[row : row + _CHUNK + 1]
        first, last = int(starts[0]), int(starts[-1])
        if last == first:
            continue
        each = np.take(fits, arrays.units[first:last], mode="clip")
        each *= arrays.scores[first:last]
        full = np.flatnonzero(starts[1:] > starts[:-1])
        sums[row + full] = np.add.reduceat(each, starts[full] - first)
    return sums


def things_scores(query: Query, arrays: Arrays, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """(n,) float32 in [0, 1]: for each part of the query the thing of the row that fits best, weighted."""
    total = np.zeros(len(rows), np.float32)
    first, last = arrays.starts[rows], arrays.starts[rows + 1]
    sizes = last - first
    full = sizes > 0
    if not query.parts or not full.any():
        return total
    offsets = np.concatenate([[0], np.cumsum(sizes[full])[:-1]])
    at = np.repeat(first[full] - offsets, sizes[full]) + np.arange(int(sizes.sum()))
    units, scores = arrays.units[at], np.sqrt(arrays.scores[at])
    for part, weight in zip(query.parts, part_weights(query, arrays), strict=True):
        if weight > 0:
            total[full] += weight * np.maximum.reduceat(part.fits[units] * scores, offsets)
    return total


def _vector_scores(
    vector: NDArray[np.float32], arrays: Arrays, rows: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32]]:
    """Cosine with what is shown, the best with a piece of text, and which piece that is; (n,) each."""
    shown, text = np.zeros(len(rows), np.float32), np.zeros(len(rows), np.float32)
    piece = np.zeros(len(rows), np.int32)
    # The last place is for the owner of what was removed, -1.
    place = np.full(arrays.rows + 1, -1, np.int32)
    place[rows] = np.arange(len(rows))
    at = np.take(place, arrays.owners, mode="wrap")
    mine = np.flatnonzero(at >= 0)
    if not len(mine):
        return shown, text, piece
    at, number = at[mine], arrays.pieces[mine]
    near = np.maximum(0.0, cosines(vector, arrays.vectors[mine]))
    whole = number == 0
    shown[at[whole]] = near[whole]
    # In order of nearness the last of a row's pieces to be written is the nearest, of equal ones the first.
    order = np.flatnonzero(~whole)[::-1]
    order = order[np.argsort(near[order], kind="stable")]
    text[at[order]], piece[at[order]] = near[order], number[order]
    piece[text == 0] = 0
    return shown, text, piece
