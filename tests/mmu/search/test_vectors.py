from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmu.search.columns import Column
from mmu.search.vectors import DIMENSIONS, codes, cosines, nearest, quantised


def test_eight_bits_keep_cosines() -> None:
    draw = np.random.default_rng(1)
    vectors = draw.standard_normal((50, DIMENSIONS)).astype(np.float32)
    query = vectors[3] + 0.5 * vectors[4]
    exact = vectors @ query / np.linalg.norm(vectors, axis=1) / np.linalg.norm(query)
    assert np.abs(cosines(query, quantised(vectors)) - exact).max() < 0.01
    assert cosines(query, np.zeros((1, DIMENSIONS), np.int8))[0] == 0


def test_codes_find_the_near_ones() -> None:
    draw = np.random.default_rng(2)
    vectors = draw.standard_normal((20_000, DIMENSIONS)).astype(np.float32)
    query = draw.standard_normal(DIMENSIONS).astype(np.float32)
    vectors[::1000] += 0.4 * query
    table = codes(quantised(vectors))
    found = nearest(query, np.ascontiguousarray(table.T), 200)
    assert set(range(0, 20_000, 1000)) <= set(found.tolist())
    unlike = np.bitwise_count(table ^ codes(quantised(query[None]))).sum(axis=1)
    assert len(set(found.tolist())) == 200
    assert sorted(unlike[found]) == sorted(unlike)[:200]


def test_a_column_writes_over_what_a_crash_left(tmp_path: Path) -> None:
    column = Column(tmp_path / "c", "<i4", 2)
    assert column.append(np.array([[1, 2], [3, 4], [5, 6]]), at=0) == 3
    assert column.append(np.array([[7, 8]]), at=1) == 2
    assert column.view(2).tolist() == [[1, 2], [7, 8]]
    column.fill(0, 1, 0)
    assert column.view(2).tolist() == [[0, 0], [7, 8]]
    with pytest.raises(OSError, match="shorter"):
        column.view(3)
