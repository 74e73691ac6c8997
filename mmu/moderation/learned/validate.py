"""Cross-validation of the classifier: every row judged by one that has not seen it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from sklearn.model_selection import KFold, StratifiedKFold

from mmu.errors import ConfigError
from mmu.moderation.learned.classifier import train
from mmu.moderation.learned.features import Read
from mmu.moderation.learned.metrics import Scores, score


def cross_validate(
    rows: Read,
    labels: Sequence[str],
    safe: str,
    *,
    described: Mapping[str, str] | None = None,
    folds: int = 5,
    seed: int = 0,
) -> Scores:
    """Scores over all rows, from `folds` classifiers.

    Raises:
        ConfigError: fewer than two folds, or too few rows for them.
    """
    y = np.array(labels)
    if not 2 <= folds <= len(y):
        raise ConfigError(f"{len(y)} rows cannot be cross-validated in {folds} folds")
    guesses, violating = np.empty(len(y), object), np.zeros(len(y), bool)
    rare = min(int((y == label).sum()) for label in set(labels)) < folds
    # A label with fewer rows than folds cannot be in every fold: spread the two sides then.
    strata = y != safe if rare else y
    chosen = (
        StratifiedKFold if min(np.bincount(np.unique(strata, return_inverse=True)[1])) >= folds else KFold
    )
    for seen, unseen in chosen(folds, shuffle=True, random_state=seed).split(y, strata):
        model = train(rows.take(seen), y[seen].tolist(), safe, described=described)
        found = model.predict(rows.take(unseen))
        guesses[unseen] = [one.label for one in found]
        violating[unseen] = [one.violating > 0.5 for one in found]
    return score(list(labels), guesses.tolist(), violating.tolist(), safe)
