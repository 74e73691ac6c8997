"""What recognisers give: grouping by language and the cut into sentences."""

from __future__ import annotations

import numpy as np

from models.transcript import Transcript, Word, by_language, by_sentence


def said(*words: tuple[float, float, str]) -> Transcript:
    listed = tuple(Word(start, end, text, 0.9) for start, end, text in words)
    return Transcript(0.0, 30.0, "".join(word.text for word in listed), listed, -0.3, 0.01, 1.2)


def test_a_sentence_ends_with_its_mark_or_with_a_long_pause() -> None:
    whole = said(
        (0.2, 0.6, " Yes."),
        (0.7, 1.4, " Of"),
        (1.4, 2.0, " course."),
        (2.1, 2.5, " And"),
        (3.6, 4.0, " then"),
    )
    parts = by_sentence(whole)
    assert [part.text for part in parts] == ["Yes. Of course.", "And", "then"]
    assert [(part.start, part.end) for part in parts] == [(0.2, 2.0), (2.1, 2.5), (3.6, 4.0)]
    assert all(part.avg_logprob == whole.avg_logprob for part in parts)
    assert [word for part in parts for word in part.words] == list(whole.words)


def test_chinese_marks_end_a_sentence_too() -> None:
    parts = by_sentence(said((0, 0.5, "你"), (0.5, 1.1, "好。"), (1.2, 1.5, "再"), (1.5, 2.4, "见！")))
    assert [part.text for part in parts] == ["你好。", "再见！"]


def test_no_words_no_sentences() -> None:
    assert by_sentence(said()) == []


def test_pieces_are_grouped_by_language() -> None:
    empty = np.zeros(0, np.float32)
    assert by_language([(empty, "zh"), (empty, "en"), (empty, "zh")]) == {"zh": [0, 2], "en": [1]}
