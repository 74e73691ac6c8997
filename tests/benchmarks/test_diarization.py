"""Diarization error rate on turns whose errors can be counted by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.tasks.diarization import errors, read_truth


def test_names_do_not_matter() -> None:
    truth = {"a": [(0, 5), (10, 12)], "b": [(5, 10)]}
    assert errors(truth, {"x": [(5, 10)], "y": [(0, 5), (10, 12)]}).rate == 0


@pytest.mark.parametrize(
    ("found", "missed", "false_alarm", "confused"),
    [
        ({"x": [(0, 4)]}, 6, 0, 0),
        ({"x": [(0, 5)], "y": [(5, 12)]}, 0, 2, 0),
        ({"x": [(0, 10)]}, 0, 0, 5),
        ({}, 10, 0, 0),
        ({"x": [(0, 5)], "y": [(4, 10)]}, 0, 1, 0),
    ],
)
def test_each_kind_of_error(
    found: dict[str, list[tuple[float, float]]], missed: float, false_alarm: float, confused: float
) -> None:
    one = errors({"a": [(0, 5)], "b": [(5, 10)]}, found, collar=0)
    assert (one.missed, one.false_alarm, one.confused) == pytest.approx((missed, false_alarm, confused))
    assert one.total == pytest.approx(10)
    assert one.rate == pytest.approx((missed + false_alarm + confused) / 10)


def test_overlap_counts_for_both() -> None:
    one = errors({"a": [(0, 6)], "b": [(4, 10)]}, {"x": [(0, 6)], "y": [(6, 10)]}, collar=0)
    assert one.total == pytest.approx(12)
    assert one.missed == pytest.approx(2)


def test_the_collar_forgives_at_true_boundaries_only() -> None:
    truth = {"a": [(1, 5)]}
    assert errors(truth, {"x": [(0.8, 5.2)]}).rate == 0
    assert errors(truth, {"x": [(0.8, 2.5), (3.5, 5.2)]}).missed == pytest.approx(1.0, abs=0.02)


def test_truth_is_read_from_rttm_of_one_recording(tmp_path: Path) -> None:
    (tmp_path / "a.rttm").write_text(
        "SPEAKER one 1 0.50 1.25 <NA> <NA> ann <NA> <NA>\n"
        "SPEAKER two 1 3.00 1.00 <NA> <NA> bob <NA> <NA>\n"
        "SPKR-INFO one 1 <NA> <NA> <NA> unknown ann <NA>\n"
    )
    assert read_truth(tmp_path, {"rttm": "a.rttm", "uri": "one"}) == {"ann": [(0.5, 1.75)]}
    assert read_truth(tmp_path, {"turns": [{"speaker": "F", "start": 0, "end": 2}]}) == {"F": [(0, 2)]}
    assert read_truth(tmp_path, {"speakers": 2}) is None
