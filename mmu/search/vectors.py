"""Vectors small enough to scan: eight bits a number, and one bit a number to choose what to look at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.text_embedding import DIMENSIONS

#: 64-bit words of a code: the signs of the first encoder's 384 numbers are enough to choose by
WORDS = 6
_CHUNK = 16384

__all__ = ["DIMENSIONS", "WORDS", "codes", "cosines", "nearest", "quantised"]


def quantised(vectors: NDArray[np.float32]) -> NDArray[np.int8]:
    """(n, 896) int8 in the direction of the vectors."""
    largest = np.maximum(np.abs(vectors).max(axis=1, keepdims=True), 1e-9)
    return np.asarray(np.rint(vectors * (127 / largest)), np.int8)


def codes(vectors: NDArray[np.int8]) -> NDArray[np.uint64]:
    """(n, 6) uint64: the signs of the first 384 numbers."""
    return np.packbits(vectors[:, : 64 * WORDS] > 0, axis=1).view("<u8")


def cosines(query: NDArray[np.float32], vectors: NDArray[np.int8]) -> NDArray[np.float32]:
    """(n,) float32 cosine of one vector (896,) with each of (n, 896) int8; zeros have cosine 0."""
    values = vectors.astype(np.float32)
    norms = np.sqrt(np.einsum("ij,ij->i", values, values)) * max(float(np.linalg.norm(query)), 1e-9)
    return np.asarray((values @ query) / np.maximum(norms, 1e-9), np.float32)


def nearest(query: NDArray[np.float32], table: NDArray[np.uint64], most: int) -> NDArray[np.int64]:
    """Indices of the `most` codes with the fewest signs unlike those of the query (896,), in no order.

    Args:
        query: the vector looked for.
        table: (6, n) codes, a column each: word by word they are read three times as fast as code by code.
        most: how many.
    """
    size = table.shape[1]
    if size <= most:
        return np.arange(size)
    own = codes(quantised(query[None]))[0]
    unlike = np.empty(size, np.uint16)
    for start in range(0, size, _CHUNK):
        part = table[:, start : start + _CHUNK]
        total = unlike[start : start + _CHUNK]
        total[:] = np.bitwise_count(part[0] ^ own[0])
        for word in range(1, WORDS):
            total += np.bitwise_count(part[word] ^ own[word])
    # There are few different counts: the last one that is near enough is found by adding them up.
    reached = np.cumsum(np.bincount(unlike, minlength=64 * WORDS + 1))
    last = int(np.searchsorted(reached, most))
    nearer = np.flatnonzero(unlike < last)
    return np.concatenate([nearer, np.flatnonzero(unlike == last)[: most - len(nearer)]])
