"""Tags: recall, precision and hits on absent tags, for all axes and for each alone.

An expectation is met when a tag equals or contains one of `any_of` (any
language, any case; words of Latin letters are compared as whole words). Among
the first ten tags one is *wrong* when it meets an `absent` entry, or when it
meets no expectation and its score is above 0.8; precision is right / (right +
wrong). The best axis is the single axis with the highest F1 of recall and
precision.

Beside these, *plain* precision counts every tag that meets no expectation as
wrong, whatever its score, and `precision_at_equal_recall` is the plain precision
of the fewest first tags (at most ten) whose recall reaches that of the best
single axis.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from benchmarks.reports import Reports
from benchmarks.truth import Corpus, Entry, Metric
from mmu.report.schema import Tag

FIRST = 10
SURE = 0.8
AXES = ("face", "image", "text", "speech", "audio")


@dataclass(slots=True)
class Tally:
    """Counts over all files."""

    met: dict[str, int] = field(default_factory=lambda: {"parent": 0, "leaf": 0, "hard": 0})
    asked: dict[str, int] = field(default_factory=lambda: {"parent": 0, "leaf": 0, "hard": 0})
    right: int = 0
    wrong: int = 0
    absent_hit: int = 0
    absent_asked: int = 0
    #: expectations met, tags that meet one, and tags, among the first k of every file
    first: list[list[int]] = field(default_factory=lambda: [[0, 0, 0] for _ in range(FIRST)])

    def add(self, entry: Entry, tags: list[Tag]) -> None:
        names = [(tag, names_of(tag)) for tag in tags[:FIRST]]
        for expectation in entry["expect"]:
            level = "hard" if expectation.get("hard") or entry.get("hard") else expectation["level"]
            self.asked[level] += 1
            self.met[level] += any(meets(own, expectation["any_of"]) for _, own in names)
        absent = entry.get("absent") or []
        self.absent_asked += len(absent)
        self.absent_hit += sum(any(meets(own, [one]) for _, own in names) for one in absent)
        accepted = [term for expectation in entry["expect"] for term in expectation["any_of"]]
        for tag, own in names:
            if meets(own, absent):
                self.wrong += 1
            elif meets(own, accepted):
                self.right += 1
            elif tag.score > SURE:
                self.wrong += 1
        scored = [one for one in entry["expect"] if not (one.get("hard") or entry.get("hard"))]
        for k, counts in enumerate(self.first, 1):
            counts[0] += sum(any(meets(own, one["any_of"]) for _, own in names[:k]) for one in scored)
            counts[1] += sum(meets(own, accepted) for _, own in names[:k])
            counts[2] += len(names[:k])

    def plain_precision(self, *, recall: float | None = None) -> float | None:
        """Share of the first tags that meet an expectation: ten a file, or as few as reach this recall."""
        asked = self.asked["parent"] + self.asked["leaf"]
        for met, right, given in self.first if recall is not None else self.first[-1:]:
            if given and (recall is None or met >= recall * asked - 1e-9):
                return right / given
        return None

    def recall(self, *levels: str) -> float | None:
        asked = sum(self.asked[level] for level in levels)
        return sum(self.met[level] for level in levels) / asked if asked else None

    @property
    def precision(self) -> float | None:
        judged = self.right + self.wrong
        return self.right / judged if judged else None

    @property
    def f1(self) -> float:
        recall, precision = self.recall("parent", "leaf") or 0.0, self.precision or 0.0
        return 2 * recall * precision / (recall + precision) if recall + precision else 0.0


def score(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """All tag metrics."""
    entries = corpus.of("tags", limit=limit)
    fused = Tally()
    single = {axis: Tally() for axis in AXES}
    for entry in entries:
        report = reports.get(entry["path"])
        fused.add(entry, report.tags)
        for axis, tally in single.items():
            tally.add(entry, reports.analyzer.retag(report, axes=frozenset({axis})))
    yield from _rows("tags", fused)
    for axis, tally in single.items():
        yield from _rows(f"tags[{axis}]", tally)
    best_axis, best = max(single.items(), key=lambda item: item[1].f1)
    note = f"best axis: {best_axis}"
    for name, whole, part in (
        ("gain_recall", fused.recall("parent", "leaf"), best.recall("parent", "leaf")),
        ("gain_precision", fused.precision, best.precision),
    ):
        value = None if whole is None else whole - (part or 0.0)
        yield Metric("tags", f"tags.{name}", value, len(entries), note)
    target = best.recall("parent", "leaf")
    yield Metric(
        "tags", "tags.precision_at_equal_recall", fused.plain_precision(recall=target), len(entries), note
    )
    value = best.plain_precision(recall=target)
    yield Metric("tags", f"tags[{best_axis}].precision_at_equal_recall", value, len(entries), note)


def _rows(prefix: str, tally: Tally) -> Iterable[Metric]:
    for level in ("parent", "leaf"):
        yield Metric("tags", f"{prefix}.{level}_recall@10", tally.recall(level), tally.asked[level])
    if tally.asked["hard"]:
        yield Metric("tags", f"{prefix}.hard_recall@10", tally.recall("hard"), tally.asked["hard"], "hard")
    yield Metric("tags", f"{prefix}.precision@10", tally.precision, tally.right + tally.wrong)
    given = tally.first[-1][2]
    yield Metric(
        "tags", f"{prefix}.plain_precision@10", tally.plain_precision(), given, "not in the definition"
    )
    rate = tally.absent_hit / tally.absent_asked if tally.absent_asked else None
    yield Metric("tags", f"{prefix}.absent_rate", rate, tally.absent_asked)


def names_of(tag: Tag) -> list[str]:
    """What a tag can be called, in lower case."""
    return [tag.name.zh.casefold(), tag.name.en.casefold(), tag.id.replace("_", " ").casefold()]


def meets(names: list[str], terms: Iterable[str]) -> bool:
    """Whether some name equals or contains some term."""
    return any(_contains(name, term.casefold()) for term in terms for name in names)


def _contains(name: str, term: str) -> bool:
    if term.isascii():
        return re.search(rf"(?<![a-z0-9]){re.escape(term)}(?![a-z0-9])", name) is not None
    return term in name
