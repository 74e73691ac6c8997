from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmu.errors import ConfigError
from mmu.moderation.priority import AGE_TOP, priority

graded = st.integers(1, 5)
sure = st.floats(0, 1)
views = st.floats(0, 1e9)
hours = st.floats(0, 1e5)


def test_new_item_of_unknown_reach_is_severity_times_confidence() -> None:
    assert priority(4, 0.5) == 2.0
    assert priority(4, 0.5, reach=9900) == pytest.approx(4.0)
    assert priority(4, 0.5, age_hours=24) == pytest.approx(4.0)


@given(graded, sure, views, hours)
def test_more_of_anything_never_lowers_it(severity: int, confidence: float, reach: float, age: float) -> None:
    here = priority(severity, confidence, reach=reach, age_hours=age)
    assert here >= 0
    assert priority(severity, min(1, confidence + 0.1), reach=reach, age_hours=age) >= here
    assert priority(severity, confidence, reach=reach + 1000, age_hours=age) >= here
    assert priority(severity, confidence, reach=reach, age_hours=age + 5) >= here
    assert here <= AGE_TOP * priority(severity, confidence, reach=reach) + 1e-9


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
