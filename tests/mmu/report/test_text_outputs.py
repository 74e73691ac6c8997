"""Subtitles burnt into the picture, and the text document."""

import pytest

from mmu.report.document import distinct, text_document
from mmu.report.schema import TextLine
from mmu.report.srt import screen_cues, to_srt


def line(text, start, end, role="subtitle", y=600.0, score=0.99):
    return TextLine(
        start=start,
        end=end,
        text=text,
        role=role,
        score=score,
        box=(100, y, 200, 40),
        signal=f"{text}@{start}",
    )


def test_two_lines_shown_together_are_one_cue_from_top_to_bottom():
    cues = screen_cues(
        [
            line("second", 1, 3, y=640),
            line("first", 1, 3, y=600),
            line("later", 3, 5),
            line("NASA", 0, 9, "title"),
        ]
    )
    assert [(one.start, one.end, one.text) for one in cues] == [(1, 3, "first second"), (3, 5, "later")]


def test_screen_subtitles_are_valid_subrip():
    assert to_srt(screen_cues([line("你好 --> 世界", 1.5, 2.25)])) == (
        "1\n00:00:01,500 --> 00:00:02,250\n你好 → 世界\n"
    )
    assert to_srt(screen_cues([])) == ""


@pytest.mark.parametrize(
    ("texts", "kept"),
    [
        (["我们走吧", "我们走吧"], ["我们走吧"]),
        (["NASA TV", "nasa tv"], ["NASA TV"]),
        (["忆看视频", "A 好看视频好看"], ["忆看视频", "A 好看视频好看"]),
        (["喜羊羊", "喜羊羊与灰太狼"], ["喜羊羊与灰太狼"]),
        (["!!", "??"], ["!!", "??"]),
    ],
)
def test_a_line_is_written_once(texts, kept):
    assert [one.text for one in distinct(line(t, n, n + 1) for n, t in enumerate(texts))] == kept


def test_of_two_readings_the_surer_stays_at_the_time_of_the_first():
    found = distinct([line("SPACE LAUNCH SYSTFM", 1, 2, score=0.8), line("SPACE LAUNCH SYSTEM", 5, 6)])
    assert [(one.text, one.start) for one in found] == [("SPACE LAUNCH SYSTEM", 1)]


def test_document_has_a_heading_a_role():
    text = text_document([line("今天吃什么", 61, 62), line("美食日记", 0, 5, "title")])
    assert text == "Title · 标题\n[0:00] 美食日记\n\nSubtitles · 字幕\n[1:01] 今天吃什么\n"
    assert text_document([]) == ""
