"""Three opinions of whether a row violates, on numbers."""

from __future__ import annotations

import numpy as np
import pytest

from mmu.moderation.learned.violating import NEAREST, Neighbours, opinions, weigh


def unit(values: np.ndarray) -> np.ndarray:
    return values / np.linalg.norm(values, axis=-1, keepdims=True)


def test_neighbours_are_those_nearest_by_all_fields() -> None:
    chance = np.random.default_rng(0)
    centres = np.array([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
    bad = np.arange(80) % 2 == 0
    meaning = unit(centres[bad.astype(int)] + chance.normal(0, 0.1, (2, 80, 3)))
    found = Neighbours.of(meaning, bad)
    # the first field says little, the second is one of those that violate
    asked = unit(np.array([[[1.0, 1.0, 0.0]], [[0.1, 1.0, 0.0]]]))
    assert found.share(asked).tolist() == [1.0]
    assert found.share(asked[:, :, [1, 0, 2]]).tolist() == [0.0]


def test_few_rows_are_all_asked() -> None:
    bad = np.array([True, False, False, False])
    meaning = unit(np.ones((1, 4, 2)))
    assert len(bad) < NEAREST
    assert Neighbours.of(meaning, bad).share(meaning).tolist() == [0.25] * 4


def test_opinions_that_agree_with_the_truth_weigh_more() -> None:
    chance = np.random.default_rng(1)
    bad = chance.random(400) < 0.5
    scores = np.zeros((400, 4))
    scores[:, 0] = bad * 0.3 + chance.normal(0, 0.2, 400)
    scores[:, 1], scores[:, 3] = 0.6, 0.4 + 0.1 * chance.random(400)
    told = opinions(scores, bad * 0.2 + chance.normal(0.4, 0.2, 400))
    assert told[:, 1] == pytest.approx(scores[:, 3] - 0.6)
    found = weigh(told, bad)
    assert found.weights[0] > found.weights[2] > abs(found.weights[1])
    sure = found(told)
    assert sure[bad].mean() > 0.6 > 0.4 > sure[~bad].mean()
    assert ((sure > 0) & (sure < 1)).all()
