"""Finds, among millions of hashes, those within a few bits of a given one.

Multi-index hashing (Norouzi, Punjani, Fleet 2012): a hash is cut into 13 bands of 16 bits, and
for every band all hashes are listed by the value they have there. Hashes that differ in few bits
agree, but for one bit at most, in some band. The tables are memory-mapped: what is held in memory
does not grow with the index.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.perception.hashing import BITS

#: bits of a band, and bands of a hash
WIDTH = 16
BANDS = BITS // WIDTH
#: hashes that differ in more bits are not looked at
LIMIT = 50
#: hashes compared at most for one look-up; the fullest lists are left out first
BUDGET = 1_500_000
_CHUNK = 200_000
#: gradients lie next to each other in a hash and go together: bands take theirs from everywhere
_SHUFFLE = np.random.default_rng(20).permutation(BITS)
_FLIPS = np.array([0, *(1 << np.arange(WIDTH))], np.uint16)


class Hits(NamedTuple):
    """Pairs of like hashes."""

    #: (k,) rows of the query
    query: NDArray[np.int64]
    #: (k,) owners of the hashes found
    owner: NDArray[np.int64]
    #: (k,) differing bits
    bits: NDArray[np.int64]


class Bands:
    """A built index on disk, opened read-only."""

    def __init__(self, folder: Path) -> None:
        """Map the tables that `build` wrote."""
        self._codes = np.asarray(np.load(folder / "codes.npy", mmap_mode="r"))
        self._owners = np.asarray(np.load(folder / "owners.npy", mmap_mode="r"))
        self._order = np.asarray(np.load(folder / "order.npy", mmap_mode="r"))
        self._starts = np.asarray(np.load(folder / "starts.npy", mmap_mode="r"))

    def __len__(self) -> int:
        return len(self._codes)

    def search(self, query: NDArray[np.uint8], *, budget: int = BUDGET) -> Hits:
        """Hashes of the index within `LIMIT` bits of one of `query` (q, 26) uint8; few are missed.

        At most `budget` hashes are compared.
        """
        keys = band_keys(query)
        probes = keys[:, :, None] ^ _FLIPS
        band = np.arange(BANDS)[None, :, None]
        starts = np.asarray(self._starts[band, probes], np.int64).ravel()
        lengths = np.asarray(self._starts[band, probes.astype(np.int64) + 1], np.int64).ravel() - starts
        order = np.argsort(lengths, kind="stable")
        used = order[np.cumsum(lengths[order]) <= budget]
        used = np.sort(used[lengths[used] > 0])
        wanted = pad(query)
        out = []
        # by rows of the query, so that what is in memory at once stays small
        for part in np.array_split(used, max(1, int(lengths[used].sum() // _CHUNK))):
            count = lengths[part]
            if not count.sum():
                continue
            within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
            place = np.repeat(starts[part], count) + within
            bands = np.repeat(part // len(_FLIPS) % BANDS, count)
            found = self._order[bands, place]
            rows = np.repeat(part // (BANDS * len(_FLIPS)), count)
            bits = np.bitwise_count(self._codes[found] ^ wanted[rows]).sum(axis=1, dtype=np.int64)
            near = bits <= LIMIT
            out.append((rows[near], np.asarray(self._owners[found[near]], np.int64), bits[near]))
        if not out:
            nothing = np.zeros(0, np.int64)
            return Hits(nothing, nothing, nothing)
        return Hits(*(np.concatenate(column) for column in zip(*out, strict=True)))


def build(hashes: NDArray[np.uint8], owners: NDArray[np.integer], folder: Path) -> None:
    """Write the tables for `hashes` (n, 26) uint8 and their `owners` (n,) into a new folder."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    count = len(hashes)
    np.save(folder / "owners.npy", owners.astype(np.uint32))
    codes = np.lib.format.open_memmap(folder / "codes.npy", "w+", np.uint64, (count, 4))
    keys = np.empty((BANDS, count), np.uint16)
    for start in range(0, count, _CHUNK):
        chunk = hashes[start : start + _CHUNK]
        codes[start : start + _CHUNK] = pad(chunk)
        keys[:, start : start + _CHUNK] = band_keys(chunk).T
    order = np.lib.format.open_memmap(folder / "order.npy", "w+", np.uint32, (BANDS, count))
    starts = np.zeros((BANDS, (1 << WIDTH) + 1), np.uint32)
    for band in range(BANDS):
        order[band] = np.argsort(keys[band], kind="stable")
        starts[band, 1:] = np.cumsum(np.bincount(keys[band], minlength=1 << WIDTH))
    np.save(folder / "starts.npy", starts)
    codes.flush()
    order.flush()


def scan(query: NDArray[np.uint8], hashes: NDArray[np.uint8], owners: NDArray[np.int64]) -> Hits:
    """The same search without an index, for the few hashes that are not in it yet."""
    wanted, codes = pad(query), pad(hashes)
    out = []
    for row, code in enumerate(wanted):
        bits = np.bitwise_count(codes ^ code).sum(axis=1, dtype=np.int64)
        near = np.flatnonzero(bits <= LIMIT)
        out.append((np.full(len(near), row, np.int64), owners[near], bits[near]))
    return Hits(*(np.concatenate(column) for column in zip(*out, strict=True)))


def pad(hashes: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """Hashes (n, 26) uint8 as four machine words each -> (n, 4) uint64."""
    wide = np.zeros((len(hashes), 32), np.uint8)
    wide[:, : hashes.shape[1]] = hashes
    return wide.view(np.uint64)


def band_keys(hashes: NDArray[np.uint8]) -> NDArray[np.uint16]:
    """Value of each band -> (n, 13) uint16."""
    bits = np.unpackbits(hashes, axis=1)[:, _SHUFFLE]
    packed = np.packbits(bits, axis=1).reshape(len(hashes), BANDS, WIDTH // 8)
    return np.ascontiguousarray(packed).view(np.uint16)[:, :, 0]
