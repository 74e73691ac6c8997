"""Hits of likeness rules: what the whole of a video reads like, shown at the piece that says it most."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mmu.moderation.hits import Hit, place, softening
from mmu.moderation.likeness import Embed
from mmu.moderation.policy import Policy
from mmu.moderation.texts import TextUnit, gather, opening, reading_order

#: what one unit of margin adds to the score of a likeness rule, and the most it reaches
SLOPE, TOP = 2.0, 0.75
#: characters of a piece that a hit quotes
QUOTED = 120


def likeness_hits(
    policy: Policy, units: Sequence[TextUnit], about: set[str], embed: Embed | None
) -> tuple[list[Hit], float]:
    """The hit of the category that the whole reads most like, if any; and the factor of a harmless whole.

    The whole is judged; the hit quotes the title, the line or the segment of it that is nearest to the
    matched sentence, with its signal, span and box.
    """
    if embed is None or not policy.likeness:
        return [], 1.0
    read = reading_order(units)
    text = gather(read).together
    margins = policy.likeness.margins(text, embed)
    if not margins:
        return [], 1.0
    rules = {rule.id: rule for rule in policy.file.likeness}
    best = max(margins, key=margins.__getitem__)
    rule, margin = rules[best], margins[best]
    harmless = policy.file.harmless
    calm = harmless.factor if harmless and margin < -harmless.margin else 1.0
    if margin < rule.at_least:
        return [], calm
    factor, why = softening(policy, rule.category, about)
    score = min(TOP, rule.score + SLOPE * (margin - rule.at_least)) * factor
    if score <= 0:
        return [], calm
    sentence = policy.likeness.nearest(best, text, embed)
    piece = _nearest_piece(sentence, read, text, embed)
    quote = piece.text.strip()[:QUOTED]
    return [
        Hit(
            rule.category, rule.id, sentence, score, piece.axis, quote, *place(piece.signal), why, rule.shadow
        )
    ], calm


def _nearest_piece(sentence: str, units: Sequence[TextUnit], text: str, embed: Embed) -> TextUnit:
    """Of the units whose beginning is in the text that was read, the one nearest to the sentence."""
    pieces = {unit.text.strip(): unit for unit in reversed(units) if opening(unit.text) in text}
    shown = [unit for unit in pieces.values() if opening(unit.text)] or list(units)
    vectors = embed([sentence, *(unit.text.strip()[:QUOTED] for unit in shown)])
    return shown[int(np.argmax(vectors[1:] @ vectors[0]))]
