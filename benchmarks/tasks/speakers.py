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


EMOTIONS = ("angry", "happy", "neutral", "sad")


def score_emotion(cases: Iterable[tuple[Row, str | None]]) -> list[Row]:
    """`speech_emotion.macro_f1` over the four classes and `.accuracy` of (entry, tone found) pairs."""
    pairs = [(truth["label"], found) for truth, found in cases]
    f1 = []
    for label in EMOTIONS:
        hits = sum(truth == found == label for truth, found in pairs)
        named = sum(truth == label for truth, _ in pairs) + sum(found == label for _, found in pairs)
        f1.append(2 * hits / named if named else 0.0)
    right = sum(truth == found for truth, found in pairs)
    values = {"macro_f1": sum(f1) / len(f1), "accuracy": right / len(pairs) if pairs else 0.0}
    return [
        {
            "task": "speech_emotion",
            "metric": f"speech_emotion.{name}",
            "value": value if pairs else None,
            "cases": len(pairs),
        }
        for name, value in values.items()
    ]
