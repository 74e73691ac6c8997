"""The best path of a CTC network: tokens to words, times, probabilities."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.ctc import best_path, log_softmax

TOKENS = ["<unk>", "▁hello", "▁wor", "ld", "'", "s", "你", "好", "，", "▁", "<|zh|>", "2"]


def logits(*said: str) -> np.ndarray:
    """A row for each of the tokens; an empty one is the blank."""
    out = np.zeros((len(said), len(TOKENS)), np.float32)
    for row, token in enumerate(said):
        out[row, TOKENS.index(token or "<unk>")] = 8.0
    return out


def read(*said: str) -> list[tuple[str, float, float]]:
    found = best_path(logits(*said), TOKENS, step=0.06, seconds=len(said) * 0.06)
    return (
        []
        if found is None
        else [(word.text, round(word.start, 2), round(word.end, 2)) for word in found.words]
    )


def test_pieces_become_words_with_times() -> None:
    said = ["", "▁hello", "▁hello", "", "▁wor", "ld", "'", "s", "", "", "", "", "", ""]
    assert read(*said) == [(" hello", 0.06, 0.24), (" world's", 0.24, 0.72)]


def test_chinese_has_a_word_a_token_and_marks_stay_with_the_word_before() -> None:
    assert [word for word, *_ in read("你", "好", "，", "▁hello", "你")] == ["你", "好，", " hello", "你"]
    assert [word for word, *_ in read("▁", "你", "2", "2", "", "2")] == [" 你", "2" + "2"]


def test_a_repetition_counts_where_a_blank_is_between() -> None:
    assert [word for word, *_ in read("你", "你", "", "你")] == ["你", "你"]


def test_nothing_but_blanks_and_marks_is_no_transcript() -> None:
    assert read("", "<|zh|>", "") == []
    assert best_path(np.zeros((0, len(TOKENS)), np.float32), TOKENS, step=0.06, seconds=0) is None


def test_doubt_is_measured() -> None:
    sure = best_path(logits("▁hello", "", "你"), TOKENS, step=0.06, seconds=0.18, no_speech=0.25)
    unsure = best_path(logits("▁hello", "", "你") / 8, TOKENS, step=0.06, seconds=0.18)
    assert sure is not None
    assert unsure is not None
    assert sure.text == "hello你"
    assert sure.avg_logprob > -0.01 > unsure.avg_logprob > -3
    assert sure.words[0].probability > 0.99
    assert (sure.no_speech_prob, unsure.no_speech_prob) == (0.25, 0.0)
    assert 0 < sure.compression_ratio < 2.4
    many = best_path(logits(*(["你", ""] * 60)), TOKENS, step=0.06, seconds=7.2)
    assert many is not None
    assert many.compression_ratio > 2.4


@given(st.lists(st.sampled_from(["", *TOKENS[1:]]), max_size=60))
def test_words_follow_each_other(said: list[str]) -> None:
    seconds = len(said) * 0.06
    found = best_path(logits(*said), TOKENS, step=0.06, seconds=seconds)
    if found is None:
        return
    times = [time for word in found.words for time in (word.start, word.end)]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] <= seconds + 1e-9
    assert "".join(word.text for word in found.words).strip() == found.text


def test_log_softmax_is_one_in_sum() -> None:
    found = log_softmax(np.asarray([[1e4, 1e4 - 1], [0, -1e4]], np.float32))
    assert np.exp(found).sum(axis=1) == pytest.approx([1, 1])
