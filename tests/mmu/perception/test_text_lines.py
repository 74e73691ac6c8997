"""Joining readings over time, and putting pieces of a line together; no weights."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmu.perception.text_lines import LineTracker, similarity
from mmu.perception.text_reader import LineReading, Region, group
from mmu.perception.text_roles import Canvas, language_of, roles
from mmu.signals import Box
from models.ppocr import Quad


def quad(x: float, y: float, w: float, h: float) -> Quad:
    return Quad(np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32), 0.9)


def region(seed: int, x: float = 100, y: float = 300, w: float = 200, h: float = 30) -> Region:
    look = np.random.default_rng(seed).normal(size=1536).astype(np.float32)
    look /= np.linalg.norm(look)
    return Region((quad(x, y, w, h),), Box(x, y, w, h), 0.0, False, look)


class Reader:
    """Gives the next of the prepared readings and counts how many were asked for."""

    def __init__(self, *readings: tuple[str, float]) -> None:
        self._readings = list(readings)
        self.asked = 0

    def __call__(self, regions: Sequence[Region]) -> list[LineReading]:
        self.asked += len(regions)
        return [LineReading(*self._readings.pop(0)) for _ in regions]


def test_sure_line_is_read_once() -> None:
    tracker, read = LineTracker(), Reader(("hello", 0.99))
    for step in range(6):
        tracker.look(step / 2, [region(1)], read)
    lines = tracker.finish()
    assert read.asked == 1
    assert [(line.best.text, line.start, line.end) for line in lines] == [("hello", 0.0, 2.5)]


def test_doubtful_line_is_read_three_times_and_voted() -> None:
    tracker, read = LineTracker(), Reader(("he11o", 0.7), ("hello", 0.8), ("hello", 0.9))
    for step in range(6):
        tracker.look(step / 2, [region(1)], read)
    line = tracker.finish()[0]
    assert read.asked == 3
    assert line.best == LineReading("hello", 0.9)


def test_other_text_in_the_same_place_is_another_line() -> None:
    tracker, read = LineTracker(), Reader(("first words", 0.99), ("something else", 0.99))
    tracker.look(0.0, [region(1)], read)
    tracker.look(0.5, [region(2)], read)
    assert [line.best.text for line in tracker.finish()] == ["first words", "something else"]


def test_line_on_a_moving_background_stays_one() -> None:
    tracker = LineTracker()
    read = Reader(("same words", 0.98), ("same words", 0.9), ("same word5", 0.8))
    for step in range(3):
        tracker.look(step / 2, [region(step)], read)
    lines = tracker.finish()
    assert len(lines) == 1
    assert lines[0].best.text == "same words"


def test_unchanged_frames_prolong_only_what_was_last_seen() -> None:
    tracker, read = LineTracker(), Reader(("gone", 0.99), ("stays", 0.99))
    tracker.look(0.0, [region(1), region(2, y=50)], read)
    tracker.look(0.5, [region(2, y=50)], read)
    for step in range(2, 9):
        tracker.unchanged(step / 2)
    ends = {line.best.text: line.end for line in tracker.finish()}
    assert ends == {"gone": 0.0, "stays": 4.0}


def test_line_that_flickers_is_one_line_and_a_late_return_is_not() -> None:
    tracker, read = LineTracker(), Reader(("logo", 0.99), ("logo", 0.99), ("logo", 0.99))
    tracker.look(0.0, [region(1)], read)
    tracker.look(2.0, [], read)
    tracker.look(2.5, [region(1)], read)
    tracker.look(20.0, [region(1)], read)
    assert [(line.start, line.end) for line in tracker.finish()] == [(0.0, 2.5), (20.0, 20.0)]


def test_search_is_put_off_only_while_new_lines_stand() -> None:
    tracker, read = LineTracker(), Reader(("new", 0.99))
    line = region(1)
    tracker.look(0.0, [line], read)
    assert tracker.holds(0.5, lambda box: line.look)
    assert not tracker.holds(0.5, lambda box: region(2).look)
    assert not tracker.holds(30.0, lambda box: line.look)
    assert not LineTracker().holds(0.0, lambda box: line.look)


def test_pieces_of_a_row_are_joined() -> None:
    rows = group([quad(160, 12, 90, 30), quad(50, 10, 90, 30), quad(400, 10, 90, 30), quad(50, 80, 90, 30)])
    assert [[piece.corners[0, 0] for piece in pieces] for pieces, _ in rows] == [[50, 160], [400], [50]]


def test_title_beside_small_print_is_not_joined() -> None:
    assert len(group([quad(0, 0, 100, 60), quad(110, 20, 80, 20)])) == 2


def test_column_of_characters_is_one_line() -> None:
    lines = group([quad(300, 20 + 45 * i, 40, 38) for i in (2, 0, 3, 1)] + [quad(20, 20, 200, 30)])
    column = next(pieces for pieces, stacked in lines if stacked)
    assert [piece.corners[0, 1] for piece in column] == [20, 65, 110, 155]
    assert len(lines) == 2


def test_two_characters_are_no_column() -> None:
    assert not any(stacked for _, stacked in group([quad(0, 0, 40, 40), quad(0, 48, 40, 40)]))


def test_similarity_ignores_case_spaces_and_width() -> None:
    assert similarity("Ａ b C", "abc") == 1.0
    assert similarity("abcd", "wxyz") == 0.0


def test_scene_text_moves_and_credits_scroll() -> None:
    tracker = LineTracker()
    read = Reader(*[("shop sign", 0.9)] * 3)
    for step in range(3):
        tracker.look(step / 2, [region(step, x=100 + 60 * step, y=300 - 40 * (step % 2))], read)
    assert roles(tracker.finish(), Canvas(1280, 720, 10.0)) == ["scene"]


def test_language() -> None:
    assert language_of("今天天气") == "zh"
    assert language_of("Hello 世界") == "zh"
    assert language_of("ポイ捨て禁止") == "ja"
    assert language_of("Café") == "en"
    assert language_of("한국") == "ko"
    assert language_of("1887-90") == "und"
