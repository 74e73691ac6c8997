"""Shots, faces, face pairs and near-duplicates."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from benchmarks.reports import Reports
from benchmarks.truth import Corpus, Metric, auc, mean
from mmu.perception.faces import SAME_PERSON_COSINE
from mmu.perception.hash_match import same_source
from mmu.report.schema import Person, Report


def shots(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """F1 of hard cuts on complete lists; recall on incomplete ones."""
    hits = found = wanted = partial_hits = partial_wanted = 0
    entries = corpus.of("shots", limit=limit)
    for entry in entries:
        report = reports.get(entry["path"])
        starts = sorted(one["span"][0] for one in report.signals if one["kind"] == "media.shot")
        cuts = [start for start in starts if start > 0]
        matched = _matched(entry["cuts_s"], cuts, entry.get("tolerance_s", 0.1))
        if entry.get("complete"):
            hits, found, wanted = hits + matched, found + len(cuts), wanted + len(entry["cuts_s"])
        else:
            partial_hits, partial_wanted = partial_hits + matched, partial_wanted + len(entry["cuts_s"])
    complete = sum(bool(entry.get("complete")) for entry in entries)
    yield Metric("shots", "shots.f1", 2 * hits / (found + wanted) if found + wanted else None, complete)
    yield Metric(
        "shots",
        "shots.recall_incomplete_lists",
        partial_hits / partial_wanted if partial_wanted else None,
        len(entries) - complete,
    )


def _matched(truth: list[float], found: list[float], tolerance: float) -> int:
    free = list(found)
    hits = 0
    for cut in truth:
        near = min(free, key=lambda one: abs(one - cut), default=None)
        if near is not None and abs(near - cut) <= tolerance + 1e-6:
            free.remove(near)
            hits += 1
    return hits


def face_pairs(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Largest face of each picture; a picture without a found face counts as not the same."""
    entries = corpus.of("face_pair", limit=limit)
    scores = [_similarity(reports.get(entry["a"]), reports.get(entry["b"])) for entry in entries]
    labels = [bool(entry["same"]) for entry in entries]
    right = [float((s >= SAME_PERSON_COSINE) == same) for s, same in zip(scores, labels, strict=True)]
    yield Metric("face_pair", "face_pair.accuracy", mean(right), len(entries))
    yield Metric("face_pair", "face_pair.auc", auc(scores, labels), len(entries))


def _similarity(a: Report, b: Report) -> float:
    first, second = largest(a), largest(b)
    if first is None or second is None or first.embedding is None or second.embedding is None:
        return -1.0
    x, y = np.asarray(first.embedding), np.asarray(second.embedding)
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


def largest(report: Report) -> Person | None:
    """The person whose face is largest where it is shown best."""
    return max(report.people, key=lambda one: one.box[2] * one.box[3] if one.box else 0.0, default=None)


def faces(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Number of faces (pictures) or people (videos) within the stated range."""
    entries = corpus.of("faces", limit=limit)
    right = []
    for entry in entries:
        report = reports.get(entry["path"])
        still = report.media is not None and report.media.still
        tracks = sum(one["kind"] == "face.track" for one in report.signals)
        right.append(float(entry["min"] <= (tracks if still else len(report.people)) <= entry["max"]))
    yield Metric("faces", "faces.within_range", mean(right), len(entries))


def near_duplicates(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Recall over pairs of one group; false matches over pairs of a group's member with a distractor."""
    found = pairs = false = strangers = 0
    entries = corpus.of("near_duplicate", limit=limit)
    for entry in entries:
        members = [reports.get(path) for path in entry["paths"]]
        others = [reports.get(path) for path in entry.get("distractors", [])]
        for index, first in enumerate(members):
            for second in members[index + 1 :]:
                pairs += 1
                found += same_source(first, second)
            for other in others:
                strangers += 1
                false += same_source(first, other)
    yield Metric("near_duplicate", "near_duplicate.recall", found / pairs if pairs else None, pairs)
    yield Metric(
        "near_duplicate", "near_duplicate.false_match", false / strangers if strangers else None, strangers
    )
