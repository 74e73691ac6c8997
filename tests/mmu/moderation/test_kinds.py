"""Which violation: rare kinds gain from what is known of them without rows."""

from __future__ import annotations

import numpy as np
import pytest

from mmu.moderation.learned.kinds import Known, fit, hits, nearness

NAMES = ("like.a", "like.b", "like.c")


def test_nearness_is_over_the_ordinary_side_field_by_field() -> None:
    cosines = np.array(
        [[0.5, 0.2, 0.1, 0.3, 0.0, 0.4, 0.2, 0.1]]
    )  # two fields of three rules and the ordinary side
    near = nearness(cosines, NAMES, ("like.c", "like.a"))
    assert near[0] == pytest.approx(np.array([[-0.2, 0.2], [0.1, -0.1]]))
    # a kind that no rule describes is as near as the others are on average, and nothing is known without rules
    assert nearness(cosines, NAMES, ("like.c", None, "like.a"))[0, :, 1] == pytest.approx([0.0, 0.0])
    assert nearness(cosines, NAMES, ("other", None)).tolist() == [[[0.0, 0.0], [0.0, 0.0]]]


def test_hits_of_a_kind_are_those_of_its_rule() -> None:
    rules = np.array([[0.6, 0.0, 0.4]])
    assert hits(rules, NAMES, ("like.c", None, "like.a", "other")).tolist() == [[0.4, 0.0, 0.6, 0.0]]


def rows(draw: np.random.Generator, count: int) -> tuple[np.ndarray, Known, np.ndarray]:
    """Two frequent kinds that the scores tell apart and a rare one that only nearness and rules tell."""
    truth = np.eye(3)[draw.choice(3, count, p=[0.48, 0.46, 0.06])]
    scores = 0.3 * truth * [1, 1, 0] + draw.normal(0, 0.1, (count, 3))
    near = 0.25 * truth[:, None, :] + draw.normal(0, 0.08, (count, 1, 3))
    rules = 0.6 * truth * (draw.random((count, 1)) < 0.3) + 0.6 * (draw.random((count, 3)) < 0.02)
    return scores, Known(near, rules), truth


def test_a_rare_kind_is_told_by_nearness() -> None:
    draw = np.random.default_rng(0)
    prior = fit(*rows(draw, 200))
    scores, known, truth = rows(draw, 2000)
    rare = truth[:, 2] == 1
    shares = prior.shares(scores, known)
    assert shares.sum(axis=1) == pytest.approx(np.ones(2000))
    assert prior.weights[2] > 0.1  # of the one field
    assert prior.weights[3] > 0.4  # of the rules
    alone = prior.shares(scores, Known(np.zeros_like(known.near), known.rules))
    found, without = ((one[rare].argmax(axis=1) == 2).mean() for one in (shares, alone))
    assert found > without + 0.2
    assert (shares.argmax(axis=1) == truth.argmax(axis=1)).mean() > 0.9
    # probabilities are what they say
    sure = shares.max(axis=1) > 0.9
    assert (shares.argmax(axis=1) == truth.argmax(axis=1))[sure].mean() > 0.9


def test_what_is_no_evidence_is_not_believed() -> None:
    draw = np.random.default_rng(1)
    scores, known, truth = rows(draw, 400)
    prior = fit(scores, Known(draw.permutation(known.near), draw.permutation(known.rules)), truth)
    assert abs(prior.weights[2]) < 0.15
    assert abs(prior.weights[3]) < 0.3
