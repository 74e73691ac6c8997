"""Joined hashtags taken apart."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmu.topics.segment import Segmenter
from models.store import Store
from models.word_counts import WordCounts, read_word_counts

COUNTS = {"weird": 1e-5, "food": 1e-4, "new": 1e-3, "york": 1e-4, "a": 1e-2, "newyork": 1e-6}
SMALL = Segmenter(
    WordCounts(
        {word: math.log(share) for word, share in COUNTS.items()},
        {"new york": math.log(0.3)},
        frozenset(COUNTS) - {"newyork"},
    )
)


@pytest.fixture(scope="module")
def segmenter() -> Segmenter:
    return Segmenter(read_word_counts(Store().folder("words-en")))


@pytest.mark.weights
@pytest.mark.parametrize(
    ("hashtag", "words"),
    [
        ("#dogtraining", "dog training"),
        ("#throwbackthursday", "throwback thursday"),
        ("iLoveParis2026", "i love paris 2026"),
        ("#NASALaunch", "NASA launch"),
        ("Win7", "Win7"),
        ("breakfast", "breakfast"),
        ("我爱coffeetime", "我爱 coffee time"),
    ],
)
def test_words_are_found(segmenter: Segmenter, hashtag: str, words: str) -> None:
    assert " ".join(segmenter.segment(hashtag)) == words


def test_a_frequent_pair_beats_a_joined_word() -> None:
    assert SMALL.segment("newyork") == ["new", "york"]
    assert SMALL.segment("WeirdFood") == ["weird", "food"]


def test_unknown_words_stay_whole() -> None:
    assert SMALL.segment("zzqqx") == ["zzqqx"]
    assert SMALL.segment("x" * 500) == ["x" * 500]
    assert SMALL.segment("#") == []


@given(st.text(max_size=40))
def test_nothing_but_space_is_lost(text: str) -> None:
    joined = "".join(SMALL.segment(text)).lower()
    assert joined == "".join(text.lstrip("#＃").split()).lower()
