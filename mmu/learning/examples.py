"""From verdicts and stored reports to what the fit works on.

Every verdict on a tag becomes one example: what each source said of the
concept before it was trusted, and whether the concept is true.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kg import Graph
from mmu.errors import ConfigError
from mmu.learning.reviews import Review
from mmu.reasoning.fuse import fuse, gather, raw_opinion
from mmu.reasoning.observe import observe
from mmu.reasoning.settings import FusionSettings
from mmu.report.cli import load_report
from mmu.report.schema import Report
from mmu.signals import Signal, SignalSet

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Examples:
    """Verdicts on tags as arrays, in one order; `raw[i, g]` is 0 where source `g` is silent."""

    raw: Array  #: (n, groups) opinions before the reliability of their source
    worth: Array  #: (n,) of the concepts, as shipped
    shift: Array  #: (n,) log-odds that exclusion took
    true: Array  #: (n,) 1 or 0
    score: Array  #: (n,) under the numbers in use
    videos: tuple[str, ...]
    subjects: tuple[str, ...]
    reviewers: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.videos)

    def where(self, chosen: NDArray[np.bool_]) -> Examples:
        """The chosen ones."""

        def pick(names: Sequence[str]) -> tuple[str, ...]:
            return tuple(name for name, keep in zip(names, chosen, strict=True) if keep)

        return Examples(
            self.raw[chosen],
            self.worth[chosen],
            self.shift[chosen],
            self.true[chosen],
            self.score[chosen],
            pick(self.videos),
            pick(self.subjects),
            pick(self.reviewers),
        )


class _Row(NamedTuple):
    raw: Array
    worth: float
    shift: float
    true: float
    score: float
    video: str
    subject: str
    reviewer: str


@dataclass(slots=True)
class Left:
    """Verdicts that nothing can be learned from, and why."""

    no_report: int = 0
    unseen: int = 0
    unknown: int = 0
    decisions: int = 0

    def lines(self) -> list[str]:
        """What was left out, for people."""
        said = {
            "whose report was not found": self.no_report,
            "on things of which the report holds no evidence at all": self.unseen,
            "on concepts that the graph does not know": self.unknown,
            "on whole decisions (they train the classifier of `mmu policy`)": self.decisions,
        }
        return [f"left out: {count} verdicts {why}" for why, count in said.items() if count]


@dataclass(slots=True)
class ReportIndex:
    """Stored reports by the video's id and by file name."""

    folder: Path
    _by_id: dict[str, Path] | None = field(default=None)

    def find(self, review: Review) -> Path | None:
        """The file of a verdict's report: the path it names, else the report of its video."""
        if review.report:
            for place in (self.folder / review.report, self.folder / Path(review.report).name):
                if place.is_file():
                    return place
        if self._by_id is None:
            self._by_id = {}
            for place in sorted(self.folder.rglob("*.json")):
                self._by_id.setdefault(place.stem, place)
                if (video := _video_of(place)) is not None:
                    self._by_id[video] = place
        return self._by_id.get(review.video)


def _video_of(place: Path) -> str | None:
    """The video's id in a report; read from its head, as reports are long."""
    with place.open("rb") as file:
        head = file.read(400).decode("utf-8", "replace")
    found = re.search(r'"id":\s*"([0-9a-f]{64})"', head) if "mmu.report/" in head else None
    return None if found is None else found.group(1)


def collect(
    reviews: Iterable[Review], index: ReportIndex, graph: Graph, settings: FusionSettings
) -> tuple[Examples, Left, dict[Path, Report]]:
    """Examples from the verdicts on tags, what was left out, and the reports that were read.

    Raises:
        ConfigError: a report that was found cannot be read, or the folder is missing.
    """
    if not index.folder.is_dir():
        raise ConfigError(f"no folder of reports: {index.folder}")
    left = Left()
    by_report: dict[Path, list[Review]] = defaultdict(list)
    for review in reviews:
        if review.kind == "decision":
            left.decisions += 1
        elif (place := index.find(review)) is None:
            left.no_report += 1
        else:
            by_report[place].append(review)
    groups = list(settings.sources)
    rows: list[_Row] = []
    reports = {}
    for place, own in by_report.items():
        report = reports[place] = load_report(place)
        on_tags = [review for review in own if review.kind == "tag"]
        if on_tags:
            rows += _rows(report, on_tags, graph, settings, groups, left)
    examples = Examples(
        np.array([row.raw for row in rows]).reshape(len(rows), len(groups)),
        np.array([row.worth for row in rows]),
        np.array([row.shift for row in rows]),
        np.array([row.true for row in rows]),
        np.array([row.score for row in rows]),
        tuple(row.video for row in rows),
        tuple(row.subject for row in rows),
        tuple(row.reviewer for row in rows),
    )
    return examples, left, reports


def _rows(
    report: Report,
    reviews: Sequence[Review],
    graph: Graph,
    settings: FusionSettings,
    groups: Sequence[str],
    left: Left,
) -> list[_Row]:
    signals = SignalSet(Signal.from_json(one) for one in report.signals)
    duration = report.media.duration if report.media else 0.0
    frame = report.media.frame if report.media else None
    dropped = {one.topic for one in report.topics if one.action == "drop"}
    observations = [
        one
        for one in observe(signals, graph, settings, duration, frame=frame)
        if one.group != "user.topic" or one.signal.value not in dropped
    ]
    grouped = gather(observations, graph, settings)
    beliefs = fuse(observations, graph, settings)
    rows = []
    for review in reviews:
        if review.subject not in graph:
            left.unknown += 1
            continue
        heard = grouped.get(review.subject)
        if not heard:
            left.unseen += 1
            continue
        raw = np.zeros(len(groups))
        for group, own in heard.items():
            raw[groups.index(group)] = raw_opinion(own, settings.sources[group])[0]
        fused = beliefs[review.subject]
        rows.append(
            _Row(
                raw,
                worth_of(review.subject, graph, settings),
                fused.shift,
                float(review.true),
                fused.score,
                report.id or report.uri,
                review.subject,
                review.reviewer,
            )
        )
    return rows


def worth_of(concept: str, graph: Graph, settings: FusionSettings) -> float:
    """What a concept is worth as a tag."""
    return settings.worth.get(concept, settings.facet_worth.get(graph.concepts[concept].facet, 1.0))


def rule_verdicts(
    reviews: Iterable[Review], index: ReportIndex, reports: Mapping[Path, Report]
) -> list[tuple[str, str, float, float, str]]:
    """(rule, video, score of its surest hit, 1 or 0, reviewer) of each verdict on a rule that hit."""
    found = []
    for review in reviews:
        place = index.find(review) if review.kind == "rule" else None
        report = None if place is None else reports.get(place)
        if report is None or report.moderation is None:
            continue
        scores = [hit.score for hit in report.moderation.hits if hit.rule == review.subject]
        if scores:
            video = report.id or report.uri
            found.append((review.subject, video, max(scores), float(review.true), review.reviewer))
    return found
