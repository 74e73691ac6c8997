"""Sorted files of landmarks: 64-bit words, the key above, the place (frame of the whole library) below.

A search reads them through the page cache, so memory does not grow with the
library. New files are merged with older ones of like size, which keeps their
number at the logarithm of the number of additions.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmu.errors import StoreError

Words = NDArray[np.uint64]
#: words that a merge holds in memory
_CHUNK = 4_000_000
_PLACE = np.uint64(32)
#: most rows that one search reads; it leaves out the commonest keys, which say least
_BUDGET = 2_000_000


def pack(keys: NDArray[np.uint32], places: NDArray[np.int64]) -> Words:
    """Sorted words of parallel keys and places."""
    return np.sort((keys.astype(np.uint64) << _PLACE) | places.astype(np.uint64))


def open_segment(path: Path, entries: int) -> Words:
    """Map a segment file.

    Raises:
        StoreError: it is missing or has another size than it should.
    """
    try:
        size = path.stat().st_size
        if size != entries * 8:
            raise StoreError(f"{path} of the song library is damaged: {size} bytes, expected {entries * 8}")
        return np.memmap(path, np.uint64, "r") if entries else np.zeros(0, np.uint64)
    except OSError as error:
        raise StoreError(f"cannot read the song library's file {path}: {error.strerror}") from error


def write_segment(folder: Path, chunks: Iterable[Words]) -> tuple[Path, int]:
    """Write sorted words to a new file of `folder`; returns it and how many there are.

    Raises:
        StoreError: the disk refuses.
    """
    entries = 0
    path = Path()
    try:
        handle, name = tempfile.mkstemp(prefix="landmarks-", suffix=".u64", dir=folder)
        path = Path(name)
        with os.fdopen(handle, "wb") as out:
            for chunk in chunks:
                out.write(chunk.astype("<u8", copy=False).tobytes())
                entries += len(chunk)
            out.flush()
            os.fsync(out.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise StoreError(f"cannot write to the song library {folder}: {error.strerror}") from error
    return path, entries


def merge(parts: Sequence[Words], keep: Callable[[NDArray[np.int64]], NDArray[np.bool_]]) -> Iterable[Words]:
    """Merge sorted words, a range of keys at a time, leaving out places that `keep` says no to."""
    at = [0] * len(parts)
    while any(start < len(part) for start, part in zip(at, parts, strict=True)):
        step = _CHUNK // len(parts)
        ends = [part[min(start + step, len(part)) - 1] for start, part in zip(at, parts, strict=True)]
        open_ends = [
            end for end, start, part in zip(ends, at, parts, strict=True) if start + step < len(part)
        ]
        limit = min(open_ends) if open_ends else max(end for end in ends)
        stops = [int(np.searchsorted(part, limit, side="right")) for part in parts]
        words = np.concatenate([part[start:stop] for start, stop, part in zip(at, stops, parts, strict=True)])
        words.sort(kind="stable")
        yield words[keep(places_of(words))]
        at = stops


def places_of(words: Words) -> NDArray[np.int64]:
    """The places of some words."""
    return (words & np.uint64(0xFFFFFFFF)).astype(np.int64)


def lookup(
    segments: Sequence[Words], keys: NDArray[np.uint32], *, budget: int = _BUDGET
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Every place of every key: (row of `keys`, place), the rarest keys first when there are too many.

    Args:
        segments: sorted words.
        keys: (n,) uint32, best sorted, so that the searches touch each page once.
        budget: most rows that are read.
    """
    if not segments or not len(keys):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    low = keys.astype(np.uint64) << _PLACE
    high = low | np.uint64(0xFFFFFFFF)
    starts = np.stack([np.searchsorted(words, low) for words in segments])
    counts = np.stack([np.searchsorted(words, high, side="right") for words in segments]) - starts
    total = counts.sum(axis=0)
    if total.sum() > budget:
        order = np.argsort(total, kind="stable")
        common = order[np.cumsum(total[order]) > budget]
        counts[:, common] = 0
    rows: list[NDArray[np.int64]] = []
    places: list[NDArray[np.int64]] = []
    for words, start, count in zip(segments, starts, counts, strict=True):
        rows.append(np.repeat(np.arange(len(keys)), count))
        index = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + np.repeat(start, count)
        places.append(places_of(words[index]))
    return np.concatenate(rows), np.concatenate(places)
