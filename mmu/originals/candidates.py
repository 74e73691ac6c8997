"""Which hashes of a video are looked up, which of an original are listed, and who is worth comparing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from mmu.originals.bands import LIMIT, Hits
from mmu.originals.fingerprint import BARS, BYTES, Fingerprint
from mmu.perception.hashing import variants

#: seconds between two listed hashes of an original, by view; the corners are like each other
_EVERY = {"": 1.5, BARS: 3.0, "centre": 3.0}
_EVERY_CORNER = 6.0
#: hashes of a video that are looked up, at least and at most
_ASKED = (24.0, 160.0)
#: ... in several orientations, divided among them so that rare ones cost no more than usual ones
_USUAL = 2


def listed(one: Fingerprint) -> NDArray[np.uint8]:
    """Hashes (k, 26) uint8 of an original that go into the tables: fewer than it has."""
    out = [
        hashes[_spread(one.times, _EVERY.get(view, _EVERY_CORNER))]
        for view, hashes in {"": one.hashes, **one.views}.items()
    ]
    return np.unique(np.concatenate(out), axis=0)


def asked(query: Fingerprint, turned: Sequence[str]) -> NDArray[np.uint8]:
    """Hashes (k, 26) uint8 to look up: frames spread over the video, in each orientation."""
    if not len(query.times):
        return np.zeros((0, BYTES), np.uint8)
    seconds = float(np.ptp(query.times))
    count = float(np.clip(seconds, *_ASKED)) * _USUAL / max(_USUAL, len(turned))
    chosen = _spread(query.times, max(0.3, seconds / count))
    shown = [query.hashes[chosen], *(hashes[chosen] for hashes in query.views.values())]
    out = []
    for bits in np.unpackbits(np.concatenate(shown), axis=1).astype(bool):
        ways = variants(bits)
        out += [ways[name] for name in turned]
    return np.unique(np.packbits(np.stack(out), axis=1), axis=0)


def ranked(found: Iterable[Hits]) -> list[int]:
    """Owners of like hashes, the most likely originals first.

    A frame of the query speaks once for an owner, the more alike the more; one that is like
    frames of many owners (a blank wall, a title card) says little of each.
    """
    parts = [hits for hits in found if len(hits.query)]
    if not parts:
        return []
    hits = Hits(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    pair = hits.query * (int(hits.owner.max()) + 1) + hits.owner
    order = np.lexsort((hits.bits, pair))
    first = order[np.unique(pair[order], return_index=True)[1]]
    query, owner = hits.query[first], hits.owner[first]
    common = np.log1p(np.bincount(query)[query])
    weight = ((LIMIT + 2 - hits.bits[first]) / LIMIT) ** 2 / common
    owners, place = np.unique(owner, return_inverse=True)
    votes = np.bincount(place, weights=weight)
    return [int(one) for one in owners[np.argsort(-votes, kind="stable")]]


def _spread(times: NDArray[np.float32], every: float) -> NDArray[np.intp]:
    """Indices of times about `every` seconds apart, at least two."""
    count = min(len(times), max(2, 1 + int(np.ptp(times) / every)))
    return np.unique(np.abs(times[None, :] - np.linspace(times[0], times[-1], count)[:, None]).argmin(axis=1))
