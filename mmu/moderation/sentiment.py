"""What the words of a video sound like as a whole: friendly, unfriendly, abusive, or matter-of-fact.

No training: a text is compared, by the encoders, with a few dozen sentences of each side in
Chinese and English (`data/sentiment.yaml`). What it is worth is in docs/policy.md.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import numpy as np
import yaml
from scipy.special import softmax

from mmu.moderation.hits import text_units
from mmu.moderation.likeness import HARMLESS, Embed, Likeness, trust
from mmu.moderation.texts import gather
from mmu.signals import Signal
from models.store import default_root

NEUTRAL = "neutral"
SOURCE = "mmu.sentiment@1"
#: cosine that multiplies the odds of a side by e
TEMPERATURE = 0.05
#: odds of a side before anything is read, over the others: abuse is rare
ODDS = {"abusive": 0.25}


def sentiment(signals: Sequence[Signal], title: str, topics: Sequence[str], embed: Embed) -> Signal | None:
    """The `text.sentiment` signal of a video; None where it says nothing.

    Its value is the likeliest of positive, negative, abusive and neutral; `attributes.shares` has all four.
    """
    text = gather(text_units(signals, title, topics)).together
    if not text.strip():
        return None
    shares = judge(text, embed)
    best = max(shares, key=shares.__getitem__)
    rounded = {name: round(share, 4) for name, share in shares.items()}
    return Signal("text.sentiment", best, rounded[best], None, SOURCE, attributes={"shares": rounded})


def judge(text: str, embed: Embed) -> Mapping[str, float]:
    """Side -> its share, from 0 to 1; they add to 1. Short texts are nearer to neutral."""
    sides = _sides()
    cosines = sides.cosines(embed([text]), embed)[0]
    margins = (cosines - cosines[-1]) * trust(text)
    names = (*sides.names, NEUTRAL)
    odds = np.log([ODDS.get(name, 1.0) for name in names])
    return dict(zip(names, softmax(margins / TEMPERATURE + odds).tolist(), strict=True))


@cache
def _sides() -> Likeness:
    file = resources.files("mmu.moderation") / "data" / "sentiment.yaml"
    sides = yaml.safe_load(file.read_text("utf-8"))
    sides[HARMLESS] = sides.pop(NEUTRAL)
    return Likeness(sides, cache=default_root() / "cache" / "likeness")
