"""Scores of transcripts and voices."""

from __future__ import annotations

import pytest

from benchmarks.tasks import asr, speakers
from benchmarks.tasks.english import words


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("IN EIGHTEEN THIRTEEN", "in 1813."),
        ("one zero zero nine oh two", "100-902"),
        ("drop the two when", "Drop the 2, when"),
        ("one thousand eight hundred and thirteen", "1,813"),
        ("twenty-five percent", "25%"),
        ("he'll organise the colour", "He will organize the color"),
    ],
)
def test_one_thing_said_is_one_thing_written(one: str, other: str) -> None:
    assert words(one) == words(other)


def test_what_differs_stays_different() -> None:
    assert words("three and four") == ["3", "and", "4"]
    assert words("oh my god") == ["oh", "my", "god"]
    assert words("twenty five") != words("twenty nine")


def test_part_is_found_inside() -> None:
    assert asr.part_distance("bcd", "abcde") == 0
    assert asr.part_distance("bxd", "abcde") == 1
    assert asr.part_distance("abc", "") == 3


def test_rates_pool_by_language_and_kind() -> None:
    cases = [
        ({"lang": "en", "text": "a b c d"}, "a b c x"),
        ({"lang": "en", "text": "e f"}, "e f"),
        ({"lang": "en", "text": "stop", "short": True}, ""),
        ({"lang": "zh", "text": "希望你好"}, "希望，妳好"),
        ({"lang": "zh", "text": "逮住了", "match": "contains"}, "我一下把你逮住了吗"),
    ]
    found = {row["metric"]: (row["value"], row["cases"]) for row in asr.score(cases)}
    assert found["asr.wer_en"] == (pytest.approx(1 / 6), 2)
    assert found["asr.wer_en.short"] == (1.0, 1)
    assert found["asr.cer_zh"][0] <= 1 / 7


def test_language_and_speakers() -> None:
    rows = asr.score_language(
        [({"lang": "zh"}, "zh"), ({"lang": "en"}, None), ({"lang": "en", "sung": True}, "en")]
    )
    assert {row["metric"]: row["value"] for row in rows} == {
        "language.accuracy": 0.5,
        "language.accuracy.sung": 1.0,
    }
    pairs = [({"same": True}, 0.8), ({"same": True}, 0.4), ({"same": False}, 0.1), ({"same": False}, 0.5)]
    auc, accuracy = speakers.score_pairs(pairs, threshold=0.45)
    assert auc["value"] == 0.75
    assert accuracy["value"] == 0.5
