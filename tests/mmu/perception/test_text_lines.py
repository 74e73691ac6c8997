"""Joining readings over time, and putting pieces of a line together; no weights."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.text_lines import LineTracker, similarity
from mmu.perception.text_reader import LineReading, Region, group
from mmu.perception.text_roles import Canvas, language_of, roles
from mmu.signals import Box
from models.ppocr import Quad


def quad(x: float, y: float, w: float, h: float) -> Quad:
    return Quad(np.array([[x, y], [x + w, y], [x + w, y + h], [x, y + h]], np.float32), 0.9)


def region(x: float = 100, y: float = 300, w: float = 200, h: float = 30) -> Region:
    return Region((quad(x, y, w, h),), Box(x, y, w, h), 0.0, False)


def picture(*lines: tuple[str, int, int], background: int = 0) -> NDArray[np.uint8]:
    """White letters with a dark edge at (x, y, top left), over soft random clouds."""
    clouds = np.random.default_rng(background).integers(40, 200, (9, 16, 3), dtype=np.uint8)
    image = cv2.resize(clouds, (640, 400), interpolation=cv2.INTER_CUBIC)
    for text, x, y in lines:
        for colour, thickness in ((0, 6), (255, 2)):
            cv2.putText(image, text, (x + 4, y + 24), 0, 0.9, (colour,) * 3, thickness, cv2.LINE_AA)
    return image.astype(np.uint8)


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
        tracker.look(step / 2, picture(("hello", 100, 300)), [region()], read)
    lines = tracker.finish()
    assert read.asked == 1
    assert [(line.best.text, line.start, line.end) for line in lines] == [("hello", 0.0, 2.5)]


def test_doubtful_line_is_read_three_times_and_voted() -> None:
    tracker, read = LineTracker(), Reader(("he11o", 0.7), ("hello", 0.8), ("hello", 0.9))
    for step in range(6):
        tracker.look(step / 2, picture(("hello", 100, 300)), [region()], read)
    line = tracker.finish()[0]
    assert read.asked == 3
    assert line.best == LineReading("hello", 0.9)


def test_other_text_in_the_same_place_is_another_line() -> None:
    tracker, read = LineTracker(), Reader(("first words", 0.99), ("something el", 0.99))
    for step, text in enumerate(("first words", "something el")):
        tracker.look(step / 2, picture((text, 100, 300)), [region()], read)
    assert [line.best.text for line in tracker.finish()] == ["first words", "something el"]


def test_one_other_character_is_seen() -> None:
    tracker, read = LineTracker(), Reader(("round 1 of 8", 0.99), ("round 2 of 8", 0.99))
    for step, text in enumerate(("round 1 of 8", "round 1 of 8", "round 2 of 8", "round 2 of 8")):
        tracker.look(step / 2, picture((text, 100, 300), background=step), [region()], read)
    assert read.asked == 2


def test_line_on_a_moving_background_is_read_once() -> None:
    tracker, read = LineTracker(), Reader(("same words", 0.98))
    for step in range(6):
        words = picture(("same words", 100, 300), background=step)
        tracker.look(step / 2, words, [region(x=100 - step % 3, w=200 + step % 2)], read)
    assert [(line.best.text, line.end) for line in tracker.finish()] == [("same words", 2.5)]


def test_line_that_moves_a_little_is_read_once() -> None:
    tracker, read = LineTracker(), Reader(("same words", 0.98))
    for step in range(4):
        tracker.look(
            step / 2, picture(("same words", 100 + 12 * step, 300)), [region(x=100 + 12 * step)], read
        )
    assert [line.best.text for line in tracker.finish()] == ["same words"]


def test_pieces_of_a_standing_line_are_not_read_and_a_growing_one_is() -> None:
    tracker, read = LineTracker(), Reader(("three more", 0.98), ("three more words", 0.98))
    tracker.look(0.0, picture(("three more", 100, 300)), [region(w=170)], read)
    pieces = [region(w=90), region(x=195, w=75)]
    tracker.look(0.5, picture(("three more", 100, 300)), pieces, read)
    assert read.asked == 1
    tracker.look(1.0, picture(("three more words", 100, 300)), [region(w=270)], read)
    assert read.asked == 2
    assert next(len(line.sightings) for line in tracker.finish()) >= 2


def test_unchanged_frames_prolong_only_what_was_last_seen() -> None:
    tracker, read = LineTracker(), Reader(("gone", 0.99), ("stays", 0.99))
    tracker.look(0.0, picture(("gone", 100, 300), ("stays", 100, 50)), [region(), region(y=50)], read)
    tracker.look(0.5, picture(("stays", 100, 50)), [region(y=50)], read)
    for step in range(2, 9):
        tracker.unchanged(step / 2)
    ends = {line.best.text: line.end for line in tracker.finish()}
    assert ends == {"gone": 0.0, "stays": 4.0}


def test_line_that_flickers_is_one_line_and_a_late_return_is_not() -> None:
    tracker, read = LineTracker(), Reader(("logo", 0.99), ("logo", 0.99), ("logo", 0.99))
    tracker.look(0.0, picture(("logo", 100, 300)), [region()], read)
    tracker.look(2.0, picture(), [], read)
    tracker.look(2.5, picture(("logo", 100, 300)), [region()], read)
    tracker.look(20.0, picture(("logo", 100, 300)), [region()], read)
    assert [(line.start, line.end) for line in tracker.finish()] == [(0.0, 2.5), (20.0, 20.0)]


def test_lines_that_stand_and_have_come_lately() -> None:
    tracker, read = LineTracker(), Reader(("new", 0.99))
    new = picture(("new", 100, 300))
    tracker.look(0.0, new, [region()], read)
    assert tracker.stands(new)
    assert tracker.stands(picture(("new", 100, 300), background=3))
    assert not tracker.stands(picture(("old", 100, 300)))
    assert not tracker.stands(picture())
    assert tracker.came_lately(0.5)
    assert not tracker.came_lately(30.0)
    assert LineTracker().stands(new), "there is none that could have gone"
    assert not LineTracker().came_lately(0.0)


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
        x, y = 100 + 60 * step, 300 - 40 * (step % 2)
        tracker.look(step / 2, picture(("shop sign", x, y), background=step), [region(x, y)], read)
    assert roles(tracker.finish(), Canvas(1280, 720, 10.0)) == ["scene"]


def test_language() -> None:
    assert language_of("今天天气") == "zh"
    assert language_of("Hello 世界") == "zh"
    assert language_of("ポイ捨て禁止") == "ja"
    assert language_of("Café") == "en"
    assert language_of("한국") == "ko"
    assert language_of("1887-90") == "und"
