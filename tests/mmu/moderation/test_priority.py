from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmu.errors import ConfigError
from mmu.moderation.priority import AGE_DOUBLES, aged, priority, rank

graded = st.integers(1, 5)
sure = st.floats(0, 1)
views = st.floats(0, 1e9)
hours = st.floats(0, 1e5)


def test_new_item_of_unknown_reach_is_severity_times_confidence() -> None:
    assert priority(4, 0.5) == 2.0
    assert priority(4, 0.5, reach=9900) == pytest.approx(4.0)
    assert priority(4, 0.5, age_hours=AGE_DOUBLES) == pytest.approx(4.0)
    assert priority(4, 0.5, age_hours=3 * AGE_DOUBLES) == pytest.approx(16.0)


@given(graded, sure, views, hours)
def test_more_of_anything_never_lowers_it(severity: int, confidence: float, reach: float, age: float) -> None:
    here = priority(severity, confidence, reach=reach, age_hours=age)
    assert here >= 0
    assert priority(severity, min(1, confidence + 0.1), reach=reach, age_hours=age) >= here
    assert priority(severity, confidence, reach=reach + 1000, age_hours=age) >= here
    assert priority(severity, confidence, reach=reach, age_hours=age + 5) >= here


@given(st.floats(0.001, 15), st.floats(0.001, 15), st.floats(0, 200), st.floats(0, 200))
def test_a_rank_orders_by_priority_and_age_at_any_time(
    a: float, b: float, first: float, second: float
) -> None:
    """What an index holds is the order of the aged priorities, now and later."""
    start = 1.7e9
    ranks = rank(a, start + first * 3600) - rank(b, start + second * 3600)
    for hours in (200.0, 260.0):
        now = aged(a, (hours - first) * 3600), aged(b, (hours - second) * 3600)
        assert math.log2(now[0] / now[1]) == pytest.approx(ranks, abs=1e-6)


def test_no_age_is_too_great() -> None:
    assert math.isfinite(priority(5, 1.0, reach=1e12, age_hours=1e9))
    assert aged(1.0, -5.0) == 1.0


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"severity": 0}, "severity"),
        ({"severity": 6}, "severity"),
        ({"confidence": 1.5}, "confidence"),
        ({"confidence": float("nan")}, "confidence"),
        ({"reach": -1}, "reach"),
        ({"reach": float("inf")}, "reach"),
        ({"age_hours": -1}, "age"),
        ({"age_hours": float("nan")}, "age"),
    ],
)
def test_out_of_range(given: dict[str, float], named: str) -> None:
    values = {"severity": 3, "confidence": 0.5, "reach": 0.0, "age_hours": 0.0} | given
    severity = int(values.pop("severity"))
    confidence = values.pop("confidence")
    with pytest.raises(ConfigError, match=named):
        priority(severity, confidence, **values)
