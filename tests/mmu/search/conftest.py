from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from models.text_embedding import DIMENSIONS


class Hashed:
    """Vectors from the letters of a text: equal texts are equal, others nearly orthogonal."""

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._one(text) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, DIMENSIONS), np.float32)

    @staticmethod
    def _one(text: str) -> NDArray[np.float32]:
        seed = int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
        vector = np.random.default_rng(seed).standard_normal(DIMENSIONS).astype(np.float32)
        return vector / np.linalg.norm(vector)


@pytest.fixture
def embedder() -> Hashed:
    return Hashed()
