"""From verdicts to learned numbers, or to the reason why the old ones stay.

Every video is held out once (four folds). The numbers fitted to the others must
predict its verdicts better than the shipped numbers do (log loss, and no worse
order of right above wrong), also in most resamples of the videos; otherwise the
old ones stay. Only then are they fitted to everything.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmu.learning.examples import Examples
from mmu.learning.fit import apply_worth, fit, log_loss, predict
from mmu.learning.learned import Learned, difference
from mmu.learning.reviewers import Suspect, auc, find_suspects, follows
from mmu.reasoning.settings import FusionSettings

#: verdicts on tags, and videos, below which nothing is fitted
MINIMUM_VERDICTS = 40
MINIMUM_VIDEOS = 8
#: parts of the videos, each of which is held out once
FOLDS = 4
#: share of the resampled sets of videos in which the new numbers must be better
CONFIDENCE = 0.9
RESAMPLES = 400
#: standard errors by which the verdicts must follow the evidence better than chance
CHANCE = 1.64
#: order of right above wrong that may be lost
AUC_LOSS = 0.01
#: verdicts on one moderation rule below which it keeps its weight, and what that weight is worth
RULE_MINIMUM = 8
RULE_STRENGTH = 8.0

#: (rule, video, score of its hit, 1 or 0, reviewer)
RuleVerdict = tuple[str, str, float, float, str]


@dataclass(slots=True)
class Outcome:
    """What came of learning; `learned` is None where the old numbers stay."""

    learned: Learned | None
    reason: str
    verdicts: int = 0
    videos: int = 0
    loss_before: float | None = None
    loss_after: float | None = None
    auc_before: float | None = None
    auc_after: float | None = None
    suspects: list[Suspect] = field(default_factory=list)


def learn(examples: Examples, rules: Sequence[RuleVerdict], settings: FusionSettings) -> Outcome:
    """Fit, check on held-out videos, and fit again to everything if that was better.

    Args:
        examples: verdicts on tags.
        rules: verdicts on moderation rules.
        settings: the shipped numbers; the fit starts from and is held to them.
    """
    suspects = find_suspects(examples)
    names = {one.reviewer for one in suspects}
    trusted = examples.where(np.array([name not in names for name in examples.reviewers], bool))
    factors = rule_factors([one for one in rules if one[4] not in names])
    outcome = _learn_tags(trusted, settings)
    outcome.suspects = suspects
    if len(names) and len(trusted) < 0.5 * len(examples):
        outcome.learned = None
        outcome.reason = "most verdicts come from reviewers who had to be set aside"
    elif factors:
        base = outcome.learned or Learned(base=settings.version)
        outcome.learned = base.model_copy(update={"rules": factors})
        outcome.reason += f"; {len(factors)} moderation rules weighed anew"
    return outcome


def _learn_tags(examples: Examples, settings: FusionSettings) -> Outcome:
    videos = len(set(examples.videos))
    if len(examples) < MINIMUM_VERDICTS or videos < MINIMUM_VIDEOS:
        return Outcome(
            None,
            f"{len(examples)} usable verdicts on tags of {videos} videos are too few "
            f"(at least {MINIMUM_VERDICTS} of {MINIMUM_VIDEOS})",
            len(examples),
            videos,
        )
    found = follows(examples)
    if found is None or found[0] - CHANCE * found[1] <= 0.5:
        return Outcome(None, "the verdicts cannot be told from chance", len(examples), videos)
    weights = _weights(examples)
    before, after = predict(examples, settings), np.empty(len(examples))
    for fold in range(FOLDS):
        held = in_fold(examples.videos, fold)
        fitted = fit(examples.where(~held), settings, weights[~held])
        after[held] = predict(apply_worth(examples.where(held), fitted), fitted)
    outcome = Outcome(
        None,
        "",
        len(examples),
        videos,
        log_loss(before, examples.true, weights),
        log_loss(after, examples.true, weights),
        _order(before, examples.true),
        _order(after, examples.true),
    )
    outcome.reason = _objection(outcome, before, after, examples, weights)
    if not outcome.reason:
        outcome.learned = difference(settings, fit(examples, settings, weights))
        outcome.reason = "better on held-out videos"
    return outcome


def _objection(
    outcome: Outcome,
    before: NDArray[np.float64],
    after: NDArray[np.float64],
    examples: Examples,
    weights: NDArray[np.float64],
) -> str:
    """Why the new numbers are not to be used; empty where nothing speaks against them."""
    if (outcome.loss_after or 0.0) >= (outcome.loss_before or 0.0):
        return "no better on held-out videos"
    if (outcome.auc_before or 0.0) - (outcome.auc_after or 0.0) > AUC_LOSS:
        return "right and wrong tags of held-out videos are told apart less well"
    better = _resampled(before, after, examples, weights)
    if better < CONFIDENCE:
        return f"better on held-out videos in {better:.0%} of the resamples only: it may be chance"
    return ""


def _resampled(
    before: NDArray[np.float64], after: NDArray[np.float64], examples: Examples, weights: NDArray[np.float64]
) -> float:
    """Share of bootstrap resamples of the held-out videos in which the new numbers have the lower loss."""
    rng = np.random.default_rng(0)
    places = defaultdict(list)
    for place, video in enumerate(examples.videos):
        places[video].append(place)
    groups = [np.array(own) for own in places.values()]
    better = 0
    for _ in range(RESAMPLES):
        drawn = np.concatenate([groups[k] for k in rng.integers(0, len(groups), len(groups))])
        true, own = examples.true[drawn], weights[drawn]
        better += log_loss(after[drawn], true, own) < log_loss(before[drawn], true, own)
    return better / RESAMPLES


def _order(scores: NDArray[np.float64], true: NDArray[np.float64]) -> float | None:
    right, wrong = scores[true > 0.5], scores[true <= 0.5]
    return auc(right, wrong)[0] if len(right) and len(wrong) else None


def _weights(examples: Examples) -> NDArray[np.float64]:
    """Several reviewers of one tag share one vote."""
    keys = list(zip(examples.videos, examples.subjects, strict=True))
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for key in keys:
        counts[key] += 1
    return np.array([1.0 / counts[key] for key in keys])


def in_fold(videos: Sequence[str], fold: int) -> NDArray[np.bool_]:
    """(n,) which examples are held out in this fold: whole videos, the same ones in every run."""

    def number(video: str) -> str:
        return hashlib.sha256(video.encode()).hexdigest()

    place = {video: k for k, video in enumerate(sorted(set(videos), key=number))}
    return np.array([place[video] % FOLDS == fold for video in videos], bool)


def rule_factors(verdicts: Sequence[RuleVerdict]) -> dict[str, float]:
    """Factor on the score of each rule's hits: what was right of what the scores promised.

    Shrunk towards 1, left out where it does not lower the loss on held-out videos.
    """
    by_rule: dict[str, list[RuleVerdict]] = defaultdict(list)
    for verdict in verdicts:
        by_rule[verdict[0]].append(verdict)
    factors = {}
    for rule, own in sorted(by_rule.items()):
        videos = [video for _, video, *_ in own]
        if len(own) < RULE_MINIMUM or len(set(videos)) < FOLDS:
            continue
        score = np.array([score for _, _, score, *_ in own])
        true = np.array([true for *_, true, _ in own])
        tried = np.empty(len(own))
        for fold in range(FOLDS):
            held = in_fold(videos, fold)
            tried[held] = np.minimum(1.0, _factor(score[~held], true[~held]) * score[held])
        if log_loss(tried, true) < log_loss(score, true):
            factors[rule] = round(_factor(score, true), 4)
    return factors


def _factor(score: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    mean = float(score.mean())
    factor = (true.sum() + RULE_STRENGTH * mean) / (score.sum() + RULE_STRENGTH * mean)
    return float(np.clip(factor, 0.1, 1.5))
