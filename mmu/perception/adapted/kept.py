"""Vectors of texts that do not change from one start to the next: computed once, kept beside the weights."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.supplied.resolve import supplied_folder

if TYPE_CHECKING:
    from models.store import Store

Vectors = NDArray[np.float32]


def kept_vectors(
    store: Store, sha256: str, texts: list[str], encode: Callable[[list[str]], Vectors]
) -> Vectors:
    """(n, d) float32 of texts, from the last time where weights and texts are the same.

    Args:
        store: they are kept in its folder of supplied weights; a store that cannot be written is no error.
        sha256: of the weights.
        texts: as the network is given them.
        encode: computes the vectors.
    """
    key = hashlib.sha256("\n".join([sha256, *texts]).encode()).hexdigest()[:24]
    place = supplied_folder(store) / "texts" / f"{key}.npy"
    with contextlib.suppress(OSError, ValueError):
        kept: Vectors = np.load(place, allow_pickle=False)
        if len(kept) == len(texts):
            return kept
    vectors = encode(texts)
    with contextlib.suppress(OSError):
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_suffix(".part.npy")
        np.save(part, vectors)
        part.replace(place)
    return vectors
