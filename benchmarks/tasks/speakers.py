"""Scores for voices: pairs of speakers, gender, and how many speakers there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

Row = dict[str, Any]


def auc(positive: list[float], negative: list[float]) -> float | None:
    """Chance that a positive scores above a negative, ties counting half; None without either."""
    if not positive or not negative:
        return None
    won = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return won / (len(positive) * len(negative))


def score_pairs(cases: Iterable[tuple[Row, float]], *, threshold: float) -> list[Row]:
    """`speaker_pair.auc` and `.accuracy` of (entry, cosine similarity) pairs at the given threshold."""
    pairs = list(cases)
    same = [similarity for truth, similarity in pairs if truth["same"]]
    other = [similarity for truth, similarity in pairs if not truth["same"]]
    right = sum(s >= threshold for s in same) + sum(s < threshold for s in other)
    return [
        {
            "task": "speaker_pair",
            "metric": "speaker_pair.auc",
            "value": auc(same, other),
            "cases": len(pairs),
        },
        {
            "task": "speaker_pair",
            "metric": "speaker_pair.accuracy",
            "value": right / len(pairs) if pairs else None,
            "cases": len(pairs),
        },
    ]


def score_gender(cases: Iterable[tuple[Row, str | None]]) -> list[Row]:
    """`speaker_gender.accuracy` of (entry, gender found) pairs."""
    hits = [found == truth["label"] for truth, found in cases]
    value = sum(hits) / len(hits) if hits else None
    return [
        {"task": "speaker_gender", "metric": "speaker_gender.accuracy", "value": value, "cases": len(hits)}
    ]


def score_count(cases: Iterable[tuple[Row, int]]) -> list[Row]:
    """`diarization.count_accuracy` of (entry, number of speakers found) pairs."""
    hits = [found == truth["speakers"] for truth, found in cases]
    value = sum(hits) / len(hits) if hits else None
    return [
        {"task": "diarization", "metric": "diarization.count_accuracy", "value": value, "cases": len(hits)}
    ]
