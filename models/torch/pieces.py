"""Pieces of sound that may run in one batch: a network without a mask takes only those of one length."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray


def of_one_length(pieces: Sequence[NDArray[np.float32]]) -> Iterable[list[int]]:
    """Indices of the pieces of each length, in the order in which the lengths come."""
    lengths: dict[int, list[int]] = {}
    for index, piece in enumerate(pieces):
        lengths.setdefault(len(piece), []).append(index)
    return lengths.values()
