"""The rules of a policy on labelled rows, without any training."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from mmu.moderation.decide import judge
from mmu.moderation.learned.rows import Row
from mmu.moderation.likeness import Embed
from mmu.moderation.policy import Policy
from mmu.moderation.texts import PART, TextUnit, Words


def units_of(words: Words) -> Iterator[TextUnit]:
    """The texts of a row: its title, and each frame and segment."""
    if words.title:
        yield TextUnit(words.title, "user")
    for part in words.screen.split(PART):
        if part.strip():
            yield TextUnit(part, "text")
    for part in words.speech.split(PART):
        if part.strip():
            yield TextUnit(part, "speech")


def judge_rows(policy: Policy, rows: Sequence[Row], safe: str, embed: Embed | None) -> list[str]:
    """The label of each row: `safe` for `pass`, else the first label of the category that it violates."""
    if embed is not None:
        embed([row.words.together for row in rows])  # texts of one length together are quicker
    found = []
    for row in rows:
        category = judge(policy, texts=units_of(row.words), embed=embed).category
        labels = policy.categories[category].labels if category else ()
        found.append(labels[0] if labels else category or safe)
    return found


def confidences(policy: Policy, texts: Sequence[Words], names: Sequence[str]) -> NDArray[np.float64]:
    """(n, names) float64: the confidence that words and contacts give the category of each likeness rule.

    0 where the policy has no such rule.
    """
    categories = {rule.id: rule.category for rule in policy.file.likeness}
    found = np.zeros((len(texts), len(names)))
    for row, words in zip(found, texts, strict=True):
        confidence = judge(policy, texts=units_of(words)).confidence
        row[:] = [confidence.get(categories.get(name, ""), 0.0) for name in names]
    return found
