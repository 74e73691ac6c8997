"""Whose verdicts can be learned from.

A reviewer who answers at random, or against what everybody sees, would flatten
or turn over the numbers. Two signs give them away: their verdicts on what
others judged too, and whether their verdicts have anything to do with the
strength of the evidence (area under the ROC curve of the scores in use, source by source).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmu.learning.examples import Examples

#: verdicts shared with others, or in all, from which a reviewer is judged
ENOUGH_SHARED = 10
ENOUGH = 20
#: chance-corrected agreement with the others below which a reviewer is set aside
AGREEMENT = 0.2
#: upper 95 % limit of the AUC below which verdicts do not follow the evidence
FOLLOWS = 0.55
#: scores that differ less than this cannot tell
SPREAD = 0.05


@dataclass(frozen=True, slots=True)
class Suspect:
    """A reviewer who is set aside, with the reason."""

    reviewer: str
    verdicts: int
    reason: str


def find_suspects(examples: Examples) -> list[Suspect]:
    """Reviewers whose verdicts are not to be learned from."""
    names = np.array(examples.reviewers)
    found = []
    for name in sorted(set(examples.reviewers)):
        own = examples.where(names == name)
        reason = _against_others(name, examples) or _against_evidence(own)
        if reason:
            found.append(Suspect(name, len(own), reason))
    return found


def _against_others(name: str, examples: Examples) -> str | None:
    """Agreement with the majority of the others on the same tags, corrected for chance (Cohen's kappa)."""
    votes: dict[tuple[str, str], list[float]] = defaultdict(list)
    mine: dict[tuple[str, str], float] = {}
    for place, reviewer in enumerate(examples.reviewers):
        key = examples.videos[place], examples.subjects[place]
        if reviewer == name:
            mine[key] = examples.true[place]
        else:
            votes[key].append(float(examples.true[place]))
    pairs = [(mine[key], sum(votes[key]) / len(votes[key])) for key in mine if votes.get(key)]
    clear = [(own, float(others > 0.5)) for own, others in pairs if others != 0.5]
    if len(clear) < ENOUGH_SHARED:
        return None
    own, others = np.array(clear).T
    agreed = float(np.mean(own == others))
    chance = float(own.mean() * others.mean() + (1 - own.mean()) * (1 - others.mean()))
    kappa = (agreed - chance) / (1 - chance) if chance < 1 else 1.0
    if kappa >= AGREEMENT or agreed >= 0.9:
        return None
    return f"agrees with the others on {agreed:.0%} of {len(clear)} shared verdicts (kappa {kappa:.2f})"


def _against_evidence(own: Examples) -> str | None:
    if len(own) < ENOUGH or float(own.score.std()) < SPREAD:
        return None
    found = follows(own)
    if found is None or found[0] + 1.96 * found[1] >= FOLLOWS:
        return None
    area, error = found
    return f"verdicts do not follow the evidence (AUC {area:.2f} ± {error:.2f} over {len(own)} verdicts)"


def follows(examples: Examples) -> tuple[float, float] | None:
    """How far verdicts follow the strength of the evidence: AUC of the scores, and its standard error.

    Taken within tags that rest on the same source, so that a source which is trusted too much
    or too little does not make its reviewers look wrong. None without both kinds of verdicts.
    """
    source = examples.raw.argmax(axis=1)
    areas, errors, sizes = [], [], []
    for group in np.unique(source):
        score, true = examples.score[source == group], examples.true[source == group] > 0.5
        if true.any() and not true.all():
            area, error = auc(score[true], score[~true])
            areas.append(area)
            errors.append(error)
            sizes.append(float(true.sum()) * float((~true).sum()) / len(true))
    if not sizes:
        return None
    weights = np.array(sizes) / sum(sizes)
    return float(weights @ areas), float(np.sqrt(np.sum((weights * errors) ** 2)))


def auc(right: NDArray[np.float64], wrong: NDArray[np.float64]) -> tuple[float, float]:
    """Area under the ROC curve and its standard error (Hanley & McNeil, 1982)."""
    difference = right[:, None] - wrong[None, :]
    area = float(np.mean((difference > 0) + 0.5 * (difference == 0)))
    q1, q2 = area / (2 - area), 2 * area**2 / (1 + area)
    n, m = len(right), len(wrong)
    variance = (area * (1 - area) + (n - 1) * (q1 - area**2) + (m - 1) * (q2 - area**2)) / (n * m)
    return area, float(np.sqrt(max(variance, 0.0)))
