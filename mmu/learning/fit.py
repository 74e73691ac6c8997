"""The numbers of the fusion, fitted to verdicts and held to the shipped ones.

The model is that of `mmu.reasoning.fuse`, over arrays: reliabilities of the
sources, the prior and the two numbers of the calibration are free, each pulled
towards its shipped value like a normal prior pulls (ridge in log-odds). With
few verdicts nothing moves far; with many the verdicts decide. A concept with
verdicts of its own gets its own worth in the same way.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.learning.examples import Examples
from mmu.reasoning.settings import Calibration, FusionSettings

Array = NDArray[np.float64]

#: how far a number may be expected to lie from its shipped value, in log-odds (slope: in logarithm)
SPREAD_RELIABILITY = 0.7
SPREAD_PRIOR = 0.5
SPREAD_SLOPE = 0.3
SPREAD_OFFSET = 0.5
#: verdicts that the shipped worth of a concept is worth itself
WORTH_STRENGTH = 10.0
#: verdicts on one concept from which it gets a worth of its own
WORTH_MINIMUM = 5
_EPS = 1e-6


@dataclass(frozen=True, slots=True)
class Numbers:
    """What is fitted: log-odds of the reliabilities by group, of the prior, and the calibration."""

    reliability: Array
    prior: float
    slope: float
    offset: float

    @classmethod
    def of(cls, settings: FusionSettings) -> Numbers:
        reliability = np.array([source.reliability for source in settings.sources.values()])
        platt = settings.calibration
        return cls(_logit(reliability), float(_logit(np.array(settings.prior))), platt.slope, platt.offset)


def predict(examples: Examples, settings: FusionSettings, numbers: Numbers | None = None) -> Array:
    """(n,) scores of the examples under these numbers (default: those of the settings)."""
    return _forward(examples, settings, numbers or Numbers.of(settings)).score


class _Forward(NamedTuple):
    """Scores, and what their gradient is made of."""

    score: Array  #: (n,)
    chance: Array  #: (n,) score without the worth
    log_odds: Array  #: (n,)
    share: Array  #: (n, groups) what of a source's gain counts, 0 where it is silent
    opinion: Array  #: (n, groups)


def _forward(examples: Examples, settings: FusionSettings, numbers: Numbers) -> _Forward:
    sources = list(settings.sources.values())
    sharpness = np.array([source.sharpness for source in sources])
    opinion = _sigmoid(numbers.reliability) * examples.raw**sharpness
    gain = np.where(examples.raw > 0, np.maximum(0.0, _logit(opinion) - numbers.prior), 0.0)
    share = np.zeros_like(gain)
    for axis in sorted({source.axis for source in sources}):
        own = [place for place, source in enumerate(sources) if source.axis == axis]
        rank = np.argsort(np.argsort(-gain[:, own], axis=1, kind="stable"), axis=1)
        share[:, own] = settings.saturation**rank
    share *= gain > 0
    log_odds = numbers.prior + (share * gain).sum(axis=1) + examples.shift
    chance = _sigmoid(numbers.slope * log_odds + numbers.offset)
    return _Forward(examples.worth * chance, chance, log_odds, share, opinion)


def _gradient(examples: Examples, weights: Array, numbers: Numbers, done: _Forward) -> tuple[Array, Array]:
    """Of the weighted loss: by reliability (groups,), and by (prior, log slope, offset)."""
    score = np.clip(done.score, _EPS, 1 - _EPS)
    by_inner = weights * (score - examples.true) / (1 - score) * (1 - done.chance)
    by_odds = by_inner * numbers.slope
    steep = (1 - _sigmoid(numbers.reliability)) / np.maximum(1 - done.opinion, _EPS)
    by_reliability: Array = by_odds @ (done.share * steep)
    by_prior = by_odds @ (1 - done.share.sum(axis=1))
    by_slope = by_inner @ done.log_odds * numbers.slope
    return by_reliability, np.array([by_prior, by_slope, by_inner.sum()])


def fit(examples: Examples, settings: FusionSettings, weights: Array | None = None) -> FusionSettings:
    """Settings refitted to the examples.

    Args:
        examples: verdicts on tags.
        settings: the numbers to start from and to be held to.
        weights: (n,) trust in each example (default: 1).
    """
    from scipy.optimize import minimize

    weights = np.ones(len(examples)) if weights is None else weights
    start = Numbers.of(settings)
    used = np.flatnonzero((examples.raw > 0).any(axis=0))
    shipped = np.array([*start.reliability[used], start.prior, np.log(start.slope), start.offset])
    spread = np.array([*[SPREAD_RELIABILITY] * len(used), SPREAD_PRIOR, SPREAD_SLOPE, SPREAD_OFFSET])

    def numbers(values: Array) -> Numbers:
        reliability = start.reliability.copy()
        reliability[used] = values[:-3]
        return Numbers(reliability, float(values[-3]), float(np.exp(values[-2])), float(values[-1]))

    def cost(values: Array) -> tuple[float, Array]:
        these = numbers(values)
        done = _forward(examples, settings, these)
        pull = (values - shipped) / spread
        by_reliability, rest = _gradient(examples, weights, these, done)
        loss = float(weights @ _losses(done.score, examples.true) + 0.5 * np.sum(pull**2))
        return loss, np.concatenate([by_reliability[used], rest]) + pull / spread

    bounds = [(value - 3 * width, value + 3 * width) for value, width in zip(shipped, spread, strict=True)]
    found = minimize(cost, shipped, jac=True, method="L-BFGS-B", bounds=bounds).x
    fitted = _with_numbers(settings, numbers(found))
    return _with_worth(fitted, examples, weights)


def log_loss(scores: Array, true: Array, weights: Array | None = None) -> float:
    """Mean negative log-likelihood of the verdicts, in nats."""
    return float(np.average(_losses(scores, true), weights=weights))


def apply_worth(examples: Examples, settings: FusionSettings) -> Examples:
    """The same examples with the worth that these settings give to concepts of their own."""
    own = [
        settings.worth.get(name, worth) for name, worth in zip(examples.subjects, examples.worth, strict=True)
    ]
    return Examples(
        examples.raw,
        np.array(own, float),
        examples.shift,
        examples.true,
        examples.score,
        examples.videos,
        examples.subjects,
        examples.reviewers,
    )


def _with_numbers(settings: FusionSettings, numbers: Numbers) -> FusionSettings:
    reliability = _sigmoid(numbers.reliability)
    sources = {
        name: source.model_copy(update={"reliability": round(float(reliability[place]), 4)})
        for place, (name, source) in enumerate(settings.sources.items())
    }
    return settings.model_copy(
        update={
            "sources": sources,
            "prior": round(float(_sigmoid(np.array(numbers.prior))), 4),
            "calibration": Calibration(slope=round(numbers.slope, 4), offset=round(numbers.offset, 4)),
        }
    )


def _with_worth(settings: FusionSettings, examples: Examples, weights: Array) -> FusionSettings:
    """A worth for concepts with verdicts of their own: Gamma-Poisson shrinkage of true over expected."""
    scores = predict(examples, settings)
    expected: dict[str, float] = defaultdict(float)
    true: dict[str, float] = defaultdict(float)
    count: dict[str, float] = defaultdict(float)
    base: dict[str, float] = {}
    for place, name in enumerate(examples.subjects):
        expected[name] += weights[place] * scores[place]
        true[name] += weights[place] * examples.true[place]
        count[name] += weights[place]
        base[name] = float(examples.worth[place])
    worth = dict(settings.worth)
    for name, times in count.items():
        if times < WORTH_MINIMUM:
            continue
        mean = max(expected[name] / times, 0.05)
        factor = (true[name] + WORTH_STRENGTH * mean) / (expected[name] + WORTH_STRENGTH * mean)
        worth[name] = round(float(np.clip(base[name] * factor, 0.05, 0.99)), 4)
    return settings.model_copy(update={"worth": worth})


def _losses(scores: Array, true: Array) -> Array:
    clipped = np.clip(scores, _EPS, 1 - _EPS)
    losses: Array = -(true * np.log(clipped) + (1 - true) * np.log(1 - clipped))
    return losses


def _logit(probability: Array) -> Array:
    clipped = np.clip(probability, _EPS, 1 - _EPS)
    odds: Array = np.log(clipped / (1 - clipped))
    return odds


def _sigmoid(log_odds: Array) -> Array:
    probability: Array = 1 / (1 + np.exp(-log_odds))
    return probability
