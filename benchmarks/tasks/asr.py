"""Scores for transcripts and spoken language.

`asr.wer_en` and `asr.cer_zh` are total edits over total reference length,
so a long case weighs more than a short one. Cases marked `short`, `sung` or
`hard` are reported apart.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from rapidfuzz.distance import Levenshtein

from benchmarks.tasks import english
from mmu.perception import chinese

Row = dict[str, Any]
#: languages written without spaces: scored by character
BY_CHARACTER = frozenset({"zh", "yue", "ja", "th"})


def tokens(text: str, lang: str) -> list[str]:
    """Comparable units of a transcript: characters or words, after normalisation."""
    if lang in BY_CHARACTER:
        return list(chinese.comparable(text))
    if lang == "en":
        return english.words(text)
    kept = (char if char.isalnum() or char.isspace() else " " for char in chinese.half_width(text).lower())
    return "".join(kept).replace("ё", "е").split()


def part_distance(reference: Sequence[str], hypothesis: Sequence[str]) -> int:
    """Least edits between the reference and any contiguous part of the hypothesis (Sellers, 1980)."""
    row = [0] * (len(hypothesis) + 1)
    for i, wanted in enumerate(reference, start=1):
        above, row[0] = row[0], i
        for j, got in enumerate(hypothesis, start=1):
            cost = above + (wanted != got)
            above = row[j]
            row[j] = min(cost, above + 1, row[j - 1] + 1)
    return min(row)


def edits(truth: Row, text: str) -> tuple[int, int]:
    """(edits, reference length) of one `asr` entry against a transcript."""
    lang = truth["lang"]
    found = tokens(text, lang)
    best: tuple[int, int] | None = None
    for accepted in [truth["text"], *truth.get("also", [])]:
        wanted = tokens(accepted, lang)
        if truth.get("match") == "contains":
            distance = part_distance(wanted, found)
        else:
            distance = Levenshtein.distance(wanted, found)
        if best is None or distance * best[1] < best[0] * len(wanted):
            best = (distance, len(wanted))
    return best or (0, 0)


def _group(truth: Row) -> str:
    lang = truth["lang"]
    name = f"cer_{lang}" if lang in BY_CHARACTER else f"wer_{lang}"
    for mark in ("short", "sung", "hard"):
        if truth.get(mark):
            return f"{name}.{mark}"
    return name


def score(cases: Iterable[tuple[Row, str]]) -> list[Row]:
    """Error rates of (`asr` entry, transcript) pairs, one row a language and kind of case."""
    groups: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for truth, text in cases:
        groups[_group(truth)].append(edits(truth, text))
    return [
        {
            "task": "asr",
            "metric": f"asr.{name}",
            "value": sum(e for e, _ in pairs) / max(1, sum(n for _, n in pairs)),
            "cases": len(pairs),
        }
        for name, pairs in sorted(groups.items())
    ]


def score_language(cases: Iterable[tuple[Row, str | None]]) -> list[Row]:
    """Accuracy of (`language` entry, main language or None) pairs; sung ones apart."""
    groups: dict[str, list[bool]] = defaultdict(list)
    for truth, lang in cases:
        name = "accuracy.sung" if truth.get("sung") else "accuracy.hard" if truth.get("hard") else "accuracy"
        groups[name].append(lang in {truth["lang"], *truth.get("also", [])})
    return [
        {"task": "language", "metric": f"language.{name}", "value": sum(v) / len(v), "cases": len(v)}
        for name, v in sorted(groups.items())
    ]
