"""What a set of predicted labels is worth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from sklearn.metrics import f1_score, precision_recall_fscore_support


@dataclass(frozen=True, slots=True)
class Scores:
    """`binary` is violating or not; `per_class` gives precision, recall and number of rows by label."""

    rows: int
    binary_accuracy: float
    binary_macro_f1: float
    violation_precision: float | None
    violation_recall: float | None
    multiclass_accuracy: float
    macro_f1: float
    per_class: dict[str, dict[str, float | int | None]]

    def to_json(self) -> dict[str, Any]:
        """Plain data, rounded to four places."""
        data: dict[str, Any] = _rounded(asdict(self))
        return data


def score(truth: Sequence[str], guesses: Sequence[str], violating: Sequence[bool], safe: str) -> Scores:
    """Compare guesses with labels.

    Args:
        truth: the labels of people.
        guesses: the labels that were guessed.
        violating: of each row, whether it was judged to violate.
        safe: the label of compliant rows.
    """
    bad = np.array([label != safe for label in truth])
    said = np.array(violating, bool)
    hits, named, all_bad = int((bad & said).sum()), int(said.sum()), int(bad.sum())
    labels = sorted({*truth, *guesses})
    precision, recall, f1, count = precision_recall_fscore_support(
        truth, guesses, labels=labels, zero_division=0
    )
    predicted = {label: sum(guess == label for guess in guesses) for label in labels}
    per_class: dict[str, dict[str, float | int | None]] = {
        label: {
            "precision": float(precision[i]) if predicted[label] else None,
            "recall": float(recall[i]) if count[i] else None,
            "f1": float(f1[i]),
            "rows": int(count[i]),
        }
        for i, label in enumerate(labels)
    }
    present = [label for label in labels if any(one == label for one in truth)]
    return Scores(
        rows=len(truth),
        binary_accuracy=float(np.mean(bad == said)),
        binary_macro_f1=float(f1_score(bad, said, average="macro", zero_division=0)),
        violation_precision=hits / named if named else None,
        violation_recall=hits / all_bad if all_bad else None,
        multiclass_accuracy=float(np.mean([a == b for a, b in zip(truth, guesses, strict=True)])),
        macro_f1=float(f1_score(truth, guesses, labels=present, average="macro", zero_division=0)),
        per_class=per_class,
    )


def _rounded(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return value
