"""Whether a new classifier may take the place of the one before: both on rows that neither has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.model_selection import KFold

from mmu.errors import ConfigError
from mmu.moderation.learned.classifier import train
from mmu.moderation.learned.features import Read, read
from mmu.moderation.learned.metrics import Scores, score
from mmu.moderation.learned.store import Trained, row_key
from mmu.moderation.likeness import Embed
from mmu.moderation.policy import Policy

FOLDS = 5
#: fewer new rows than this, or of one side, cannot tell two classifiers apart
FEWEST, FEWEST_OF_A_SIDE = 20, 5


@dataclass(frozen=True, slots=True)
class Comparison:
    """Both classifiers on the same rows."""

    old: Scores
    new: Scores

    @property
    def good_enough(self) -> bool:
        """Whether the new one is right as often, over both questions: violating or not, and which label."""
        return _worth(self.new) >= _worth(self.old)


def _worth(scores: Scores) -> float:
    return scores.binary_accuracy + scores.multiclass_accuracy


def compare(
    rows: Read,
    labels: Sequence[str],
    safe: str,
    old: Trained,
    embed: Embed,
    policy: Policy,
    *,
    seed: int = 0,
) -> Comparison:
    """Measure both on the rows that the old classifier did not learn from.

    The new one is cross-validated: it learns from all rows but a fifth of the new ones and
    judges that fifth, five times.

    Raises:
        ConfigError: too few new rows, or another safe label.
    """
    if old.classifier.safe != safe:
        raise ConfigError(f"the old classifier's safe label is {old.classifier.safe!r}, not {safe!r}")
    unseen = np.array([i for i, words in enumerate(rows.texts) if row_key(words) not in old.seen], np.intp)
    y = np.array(labels)
    bad = int((y[unseen] != safe).sum())
    if len(unseen) < FEWEST or min(bad, len(unseen) - bad) < FEWEST_OF_A_SIDE:
        raise ConfigError(
            f"{len(unseen)} rows are new to the old classifier, {bad} of them violating: at least {FEWEST}, "
            f"and {FEWEST_OF_A_SIDE} of each side, are needed to compare; --force replaces it unmeasured"
        )
    guesses, violating = np.empty(len(unseen), object), np.zeros(len(unseen), bool)
    for _, fold in KFold(FOLDS, shuffle=True, random_state=seed).split(unseen):
        rest = np.setdiff1d(np.arange(len(y)), unseen[fold])
        model = train(rows.take(rest), y[rest].tolist(), safe, described=policy.described)
        found = model.predict(rows.take(unseen[fold]))
        guesses[fold] = [one.label for one in found]
        violating[fold] = [one.violating > 0.5 for one in found]
    truth = y[unseen].tolist()
    before = old.classifier.predict(read([rows.texts[i] for i in unseen], old.likeness, embed, policy))
    return Comparison(
        score(truth, [one.label for one in before], [one.violating > 0.5 for one in before], safe),
        score(truth, guesses.tolist(), violating.tolist(), safe),
    )
