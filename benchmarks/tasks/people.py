"""Expressions, gestures and signing."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from benchmarks.reports import Reports
from benchmarks.tasks.pictures import largest
from benchmarks.truth import Corpus, Metric, mean


def expression(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Expression of the largest face: of all seven, and smile or not."""
    entries = corpus.of("expression", limit=limit)
    wanted = [str(entry["label"]) for entry in entries]
    found = []
    for entry in entries:
        person = largest(reports.get(entry["path"]))
        found.append(None if person is None else person.expression)
    right = [float(a == b) for a, b in zip(wanted, found, strict=True)]
    smiles = [float((a == "happy") == (b == "happy")) for a, b in zip(wanted, found, strict=True)]
    yield Metric("expression", "expression.accuracy", mean(right), len(entries))
    yield Metric(
        "expression", "expression.macro_f1", macro_f1(wanted, [{one} for one in found]), len(entries)
    )
    yield Metric("expression", "expression.smile_accuracy", mean(smiles), len(entries))


def gestures(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """The named gesture is among those reported; `none` = none of the other named ones is."""
    entries = corpus.of("gesture", limit=limit)
    wanted = [str(entry["label"]) for entry in entries]
    named = set(wanted) - {"none"}
    found: list[set[str | None]] = []
    for entry in entries:
        signals = reports.get(entry["path"]).signals
        seen = {str(one["value"]).casefold() for one in signals if one["kind"] == "person.gesture"}
        found.append({*(seen & named)} or {"none"})
    right = [float(a in b) for a, b in zip(wanted, found, strict=True)]
    yield Metric("gesture", "gesture.accuracy", mean(right), len(entries))
    yield Metric("gesture", "gesture.macro_f1", macro_f1(wanted, found), len(entries))


def signing(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Whether signing is noticed at all. Which word is signed is not recognised."""
    entries = corpus.of("sign", limit=limit)
    noticed = []
    for entry in entries:
        signals = reports.get(entry["path"]).signals
        noticed.append(
            float(any(one["kind"] == "person.gesture" and one["value"] == "sign_language" for one in signals))
        )
    yield Metric("sign", "sign.signing_noticed", mean(noticed), len(entries))
    yield Metric("sign", "sign.word_accuracy", None, len(entries), "not supported")


def macro_f1(wanted: Sequence[str], found: Sequence[set[str | None]]) -> float | None:
    """Mean over the classes of the truth of F1 = 2 TP / (2 TP + FP + FN); None without cases."""
    scores = []
    for label in sorted(set(wanted)):
        pairs = [(one == label, label in seen) for one, seen in zip(wanted, found, strict=True)]
        hits = sum(a and b for a, b in pairs)
        scores.append(2 * hits / (2 * hits + sum(a != b for a, b in pairs)))
    return mean(scores)
