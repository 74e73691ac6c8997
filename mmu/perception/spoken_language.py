"""One language for every stretch of speech, out of what each stretch sounds like by itself."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence

#: languages that Whisper names for noise, singing and very short words far more often than they are spoken
_SELDOM = frozenset({"la", "cy", "nn", "haw", "jw", "yi", "sa", "mi", "bo", "br", "fo", "oc", "sn", "ln"})
_SELDOM_WEIGHT = 0.1
_FLOOR = 1e-4
#: log cost of a change of language between neighbours
_SWITCH = math.log(20.0)
#: seconds of speech from which a stretch is trusted fully
_TRUSTED_SECONDS = 4.0


def smooth_languages(found: Sequence[Mapping[str, float]], seconds: Sequence[float]) -> list[str]:
    """The most likely sequence of languages (Viterbi), in which short stretches follow their neighbours.

    Args:
        found: probability of each language, one mapping a stretch.
        seconds: length of each stretch.

    Returns:
        ISO 639-1 code of each stretch.
    """
    if not found:
        return []
    weighted = [
        {lang: p * (_SELDOM_WEIGHT if lang in _SELDOM else 1.0) for lang, p in each.items()} for each in found
    ]
    candidates = sorted({max(each, key=lambda lang: each[lang]) for each in weighted})
    trust = [min(1.0, length / _TRUSTED_SECONDS) for length in seconds]
    costs = [
        {lang: -weight * math.log(max(each.get(lang, 0.0), _FLOOR)) for lang in candidates}
        for each, weight in zip(weighted, trust, strict=True)
    ]
    best = dict(costs[0])
    back: list[dict[str, str]] = []
    for cost in costs[1:]:
        cheapest = min(candidates, key=lambda lang: best[lang])
        step: dict[str, str] = {}
        new: dict[str, float] = {}
        for lang in candidates:
            stay = best[lang] <= best[cheapest] + _SWITCH
            step[lang] = lang if stay else cheapest
            new[lang] = cost[lang] + (best[lang] if stay else best[cheapest] + _SWITCH)
        back.append(step)
        best = new
    path = [min(candidates, key=lambda lang: best[lang])]
    for step in reversed(back):
        path.append(step[path[-1]])
    return path[::-1]


def shares(languages: Sequence[str], seconds: Sequence[float]) -> dict[str, float]:
    """Share of the spoken time by language, largest first; adds up to 1."""
    totals: dict[str, float] = defaultdict(float)
    for lang, length in zip(languages, seconds, strict=True):
        totals[lang] += length
    whole = sum(totals.values())
    return (
        {lang: totals[lang] / whole for lang in sorted(totals, key=lambda lang: -totals[lang])}
        if whole
        else {}
    )
