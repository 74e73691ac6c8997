"""Scores for voices: pairs of speakers, gender, and how many speakers there are."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.truth import auc

Row = dict[str, Any]


def score_pairs(cases: Iterable[tuple[Row, float]], *, threshold: float) -> list[Row]:
    """`speaker_pair.auc` and `.accuracy` of (entry, cosine similarity) pairs at the given threshold."""
    pairs = list(cases)
    right = sum((similarity >= threshold) == truth["same"] for truth, similarity in pairs)
    return [
        {
            "task": "speaker_pair",
            "metric": "speaker_pair.auc",
            "value": auc([s for _, s in pairs], [bool(truth["same"]) for truth, _ in pairs]),
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
