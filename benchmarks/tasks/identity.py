"""Known people: who of a small gallery is named, where, and nobody else."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from benchmarks.reports import Reports
from benchmarks.truth import Corpus, Entry, Metric
from mmu.analyzer import Analyzer
from mmu.gallery.photos import enrol
from mmu.gallery.store import Gallery
from mmu.perception.faces import FaceAnalyzer
from mmu.report.schema import Report
from models.store import Store


def score(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Precision and recall of named appearances, each entry against its own gallery.

    An appearance of a video is found when its person is named somewhere within it; a named span is
    right when it overlaps a true (or optional) appearance of that person. In a picture each
    named person counts once. `hard` appearances are missed apart.
    """
    entries = corpus.of("identity", limit=limit)
    analyzer = FaceAnalyzer(Store())
    right = named = 0
    hits: dict[bool, list[bool]] = {False: [], True: []}
    for entry in entries:
        report = _with_gallery(corpus, entry, analyzer)
        for name, start, end in _named(report):
            named += 1
            right += any(name == n and start < e and end > s for n, s, e, _ in _truth(entry, optional=True))
        for name, start, end, hard in _truth(entry):
            hits[hard].append(any(name == n and s < end and e > start for n, s, e in _named(report)))
    yield Metric("identity", "identity.precision", right / named if named else None, named)
    for hard, note in ((False, ""), (True, "hard")):
        if found := hits[hard]:
            name = "identity.recall" + ("_hard" if hard else "")
            yield Metric("identity", name, sum(found) / len(found), len(found), note)


def _with_gallery(corpus: Corpus, entry: Entry, faces: FaceAnalyzer) -> Report:
    """The report of a file, made with the gallery that the entry names."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "people.sqlite"
        with Gallery(place) as gallery:
            for one in entry["gallery"]:
                enrol(gallery, one["name"], corpus.path(one["path"]), faces, largest=True)
        with Analyzer(only=["faces"], gallery=place) as analyzer:
            return analyzer.analyze(corpus.path(entry["path"]))


def _named(report: Report) -> list[tuple[str, float, float]]:
    """Name and span of every appearance in the report."""
    return [
        (person.name, start, max(end, start + 1e-3))
        for person in report.people
        if person.name is not None
        for start, end in person.spans
    ]


def _truth(entry: Entry, *, optional: bool = False) -> list[tuple[str, float, float, bool]]:
    """Name, span and `hard` of every true appearance; in a picture the span is all time."""
    hard = bool(entry.get("hard"))
    spans = entry.get("appearances", []) + (entry.get("optional", []) if optional else [])
    out = [(one["name"], one["start"], one["end"], hard or bool(one.get("hard"))) for one in spans]
    return out + [(name, float("-inf"), float("inf"), hard) for name in entry.get("present", [])]
