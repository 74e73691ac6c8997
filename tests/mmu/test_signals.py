"""Signals and spans."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmu.signals import Box, Signal, SignalSet, Span


def test_unknown_kinds_and_scores_are_refused() -> None:
    with pytest.raises(ValueError, match="unknown signal kind 'face.smile'"):
        Signal("face.smile", None, None, None, "x")
    with pytest.raises(ValueError, match="outside"):
        Signal("face.track", None, -1.0, None, "x")


def test_ids_number_each_kind() -> None:
    signals = SignalSet(
        [Signal("face.track", None, 0.5, None, "x"), Signal("text.line", "a", 1.0, None, "x")]
    )
    assert [one.id for one in signals] == ["face.track:0", "text.line:0"]
    with pytest.raises(ValueError, match="two signals"):
        signals.add(signals.get("text.line:0"))


@given(st.tuples(st.floats(0, 100), st.floats(0, 100)), st.tuples(st.floats(0, 100), st.floats(0, 100)))
def test_overlap_is_symmetric_and_bounded(a: tuple[float, float], b: tuple[float, float]) -> None:
    first, second = Span(*sorted(a)), Span(*sorted(b))
    assert first.overlap(second) == second.overlap(first) <= min(first.seconds, second.seconds)


def test_iou() -> None:
    assert Box(0, 0, 2, 2).iou(Box(0, 0, 2, 2)) == 1.0
    assert Box(0, 0, 2, 2).iou(Box(1, 0, 2, 2)) == pytest.approx(1 / 3)
    assert Box(0, 0, 2, 2).iou(Box(5, 5, 2, 2)) == 0.0


def test_json_round_trip() -> None:
    signal = Signal(
        "text.line",
        "你好",
        0.5,
        Span(1, 2.5),
        "m@1",
        Box(1, 2, 3, 4),
        "t0",
        {"role": "title"},
        id="text.line:0",
    )
    assert Signal.from_json(signal.to_json()) == signal
