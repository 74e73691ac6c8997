"""A concept from a few examples: a prototype in every space that tells the examples from the rest.

The prototype is the mean of the examples less half the mean of the
counter-examples (Rocchio, "Relevance feedback in information retrieval",
1971). How near an example lies to the prototype of the *others*
(leave-one-out), and how near everything else lies, give two normal
distributions of one width; their log-likelihood ratio is the evidence of the
space (linear discriminant analysis on a line). Nothing is trained.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp

import numpy as np

from mmu.errors import ConfigError
from mmu.taught.spaces import SPACES, Example, Space, Vectors, unit

#: fewer examples leave nothing to test with; more are welcome
LEAST, MOST = 3, 200
#: share of the examples that must have something in a space for it to count
COVERAGE = 0.6
#: a space counts when examples lie so many widths nearer than other things
SEPARATION = 1.0
#: weight of counter-examples in the prototype
AGAINST = 0.5
#: probability of a concept before a video is looked at; evidence of one space is limited to so many nats
PRIOR, LIMIT = 0.05, 7.0
#: cosine to a prototype of things that have nothing to do with it: mean and standard deviation.
#: Estimates, not measured; they weigh as much as BACKGROUND_WEIGHT counter-examples.
UNRELATED: dict[Space, tuple[float, float]] = {
    "words": (0.08, 0.08),
    "labels": (0.15, 0.13),
    "picture": (0.45, 0.12),
    "face": (0.10, 0.12),
    "voice": (0.25, 0.15),
    "sound": (0.45, 0.22),
}
BACKGROUND_WEIGHT = 8.0
#: an example may lie this much less near than the mean of the examples and still be one of them
WIDTH_FLOOR = 0.05


@dataclass(frozen=True, slots=True)
class Prototype:
    """One direction of one space, with what is near to it and what is not."""

    vector: Vectors
    #: mean cosine of left-out examples, of everything else, and the standard deviation of both
    near: float
    far: float
    width: float

    def evidence(self, rows: Vectors) -> tuple[float, int]:
        """Log-likelihood ratio of the nearest row, limited, and which row it is."""
        cosines = rows @ self.vector
        best = int(np.argmax(cosines))
        middle = 0.5 * (self.near + self.far)
        ratio = (float(cosines[best]) - middle) * (self.near - self.far) / self.width**2
        return max(-LIMIT, min(LIMIT, ratio)), best


@dataclass(frozen=True, slots=True)
class Trial:
    """How the concept does on its own examples: each one judged by what the others teach."""

    #: probability given to every example when it was left out, and to every counter-example
    examples: tuple[float, ...]
    others: tuple[float, ...]

    @property
    def found(self) -> float:
        """Share of the left-out examples that were recognised."""
        return sum(p >= 0.5 for p in self.examples) / len(self.examples)

    @property
    def false_alarms(self) -> float | None:
        """Share of the counter-examples that were taken for the concept; None without any."""
        return sum(p >= 0.5 for p in self.others) / len(self.others) if self.others else None


@dataclass(frozen=True, slots=True)
class Learned:
    """The prototypes of a concept and how well they did."""

    prototypes: dict[Space, Prototype] = field(default_factory=dict)
    trial: Trial | None = None


def learn(examples: Sequence[Example], against: Sequence[Example] = ()) -> Learned:
    """Learn from examples and counter-examples, and test by leaving one out.

    Raises:
        ConfigError: too few examples, or nothing that they share tells them from other things.
    """
    if not LEAST <= len(examples) <= MOST:
        raise ConfigError(f"{len(examples)} examples: {LEAST} to {MOST} are needed")
    prototypes = _prototypes(examples, against)
    if not prototypes:
        raise ConfigError(
            "the examples share nothing that tells them from other things: give more of them, "
            "or counter-examples with --not"
        )
    held_out = []
    for place, example in enumerate(examples):
        rest = [*examples[:place], *examples[place + 1 :]]
        held_out.append(probability(_prototypes(rest, against, spaces=tuple(prototypes)), example))
    others = []
    for place, example in enumerate(against):
        rest = [*against[:place], *against[place + 1 :]]
        others.append(probability(_prototypes(examples, rest, spaces=tuple(prototypes)), example))
    return Learned(prototypes, Trial(tuple(held_out), tuple(others)))


def probability(prototypes: dict[Space, Prototype], example: Example) -> float:
    """Probability that the example shows the concept; the evidence of the spaces adds up."""
    total = float(np.log(PRIOR / (1 - PRIOR)))
    for space, prototype in prototypes.items():
        rows = example.vectors.get(space)
        if rows is not None:
            total += prototype.evidence(rows)[0]
    return 1 / (1 + exp(-max(-50.0, min(50.0, total))))


def _prototypes(
    examples: Sequence[Example], against: Sequence[Example], *, spaces: tuple[Space, ...] | None = None
) -> dict[Space, Prototype]:
    """A prototype for every space that separates, or for the given ones."""
    found: dict[Space, Prototype] = {}
    for space in spaces or SPACES:
        rows = [one.vectors[space] for one in examples if space in one.vectors]
        if len(rows) < 2 or (spaces is None and len(rows) < COVERAGE * len(examples)):
            continue
        others = [one.vectors[space] for one in against if space in one.vectors]
        one = _prototype(space, rows, others)
        if spaces is not None or one.near - one.far >= SEPARATION * one.width:
            found[space] = one
    return found


def _prototype(space: Space, rows: Sequence[Vectors], others: Sequence[Vectors]) -> Prototype:
    typical = [_agreeing(rows, place) for place in range(len(rows))]
    left_out = []
    for place in range(len(rows)):
        rest = _direction([*typical[:place], *typical[place + 1 :]], others)
        left_out.append(float((rows[place] @ rest).max()))
    direction = _direction(typical, others)
    mean, deviation = UNRELATED[space]
    elsewhere = [float((other @ direction).max()) for other in others]
    weight = BACKGROUND_WEIGHT + len(elsewhere)
    far = (BACKGROUND_WEIGHT * mean + sum(elsewhere)) / weight
    spread = BACKGROUND_WEIGHT * (deviation**2 + (mean - far) ** 2) + sum((c - far) ** 2 for c in elsewhere)
    near = float(np.mean(left_out))
    own = sum((c - near) ** 2 for c in left_out)
    width = ((spread + own) / (weight + len(left_out))) ** 0.5
    return Prototype(direction, near, far, max(width, WIDTH_FLOOR))


def _agreeing(rows: Sequence[Vectors], place: int) -> Vectors:
    """The row of one example that the other examples agree with most."""
    own = rows[place]
    if len(own) == 1:
        return np.asarray(own[0], np.float32)
    support = np.zeros(len(own))
    for other, theirs in enumerate(rows):
        if other != place:
            support += (own @ theirs.T).max(axis=1)
    return np.asarray(own[int(np.argmax(support))], np.float32)


def _direction(rows: Sequence[Vectors], others: Sequence[Vectors]) -> Vectors:
    direction = np.mean(rows, axis=0)
    if others:
        direction = direction - AGAINST * np.mean([one.mean(axis=0) for one in others], axis=0)
    return unit(direction)
