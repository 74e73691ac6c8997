"""A trained classifier as part of a decision, with the pieces of text that weighed most."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mmu.moderation.hits import Hit, place
from mmu.moderation.learned.classifier import Classifier
from mmu.moderation.learned.features import GRAMS, VIOLATION, read, text_of
from mmu.moderation.learned.store import Trained, load
from mmu.moderation.likeness import Embed
from mmu.moderation.policy import Policy
from mmu.moderation.texts import TextUnit, Words, gather

RULE = "classifier"
#: pieces of text that a hit shows
PIECES = 3
_PIECE_END = re.compile(r"(?<=[，。！？,!?；;|\n ])")
_SHOWN = 40


class LearnedJudge:
    """Made once from a folder of `mmu policy train`; safe to share."""

    def __init__(self, folder: Path) -> None:
        """Load the classifier.

        Raises:
            StoreError: it is missing or damaged.
        """
        self._trained: Trained = load(folder)
        self.digest = self._trained.digest

    def hits(self, policy: Policy, units: Sequence[TextUnit], embed: Embed) -> list[Hit]:
        """One hit a strong piece of text for the likeliest violation; none where it says compliant.

        A label that the policy has no category for is its gravest-sounding neighbour's business: it is
        reported under the category with the greatest share among those known, if there is one.
        """
        words = gather(units)
        if not words:
            return []
        classifier = self._trained.classifier
        (found,) = classifier.predict(read([words], self._trained.likeness, embed, policy))
        known = {name: policy.category_of_label(name) for name in found.kinds}
        named = {name: share for name, share in found.kinds.items() if known[name]}
        if found.violating < 0.5 or not named:
            return []
        label = max(named, key=named.__getitem__)
        category = known[label] or ""
        score = policy.file.classifier_weight * found.violating
        strongest = strong_pieces(classifier, words, units)
        if not strongest:
            strongest = [units[0]]
        return [
            Hit(category, RULE, label, score, unit.axis, unit.text[:_SHOWN], *place(unit.signal))
            for unit in strongest
        ]


def strong_pieces(
    classifier: Classifier, words: Words, units: Sequence[TextUnit], *, count: int = PIECES
) -> list[TextUnit]:
    """The pieces of the texts whose characters speak most for a violation, the strongest first."""
    pieces = [
        TextUnit(piece.strip(), unit.axis, unit.signal)
        for unit in units
        for piece in _PIECE_END.split(unit.text)
        if len(piece.strip()) >= 2
    ]
    unique = list({(piece.axis, piece.text): piece for piece in pieces}.values())
    if not unique:
        return []
    names = {"user": "title", "text": "screen", "speech": "speech"}
    start, weights = 0, {}
    for name in (name for name in VIOLATION if name in GRAMS):
        width = classifier.features.grams(name, [""]).shape[1]
        weights[name] = classifier.violation.weights[start : start + width, 0] * VIOLATION[name] ** 0.5
        start += width
    scores = np.zeros(len(unique))
    for index, piece in enumerate(unique):
        for name in (names[piece.axis], "all"):
            # A row's n-grams are scaled to length 1: a piece weighs as much as it fills of its text.
            share = (len(piece.text) / max(1, len(text_of(words, name)))) ** 0.5
            value = classifier.features.grams(name, [piece.text]) @ weights[name]
            scores[index] += float(value[0]) * min(1.0, share)
    order = np.argsort(-scores)[:count]
    return [unique[i] for i in order if scores[i] > 0]
