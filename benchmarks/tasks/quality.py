"""Quality of pictures and videos: known pairs, opinion scores, published metrics."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence

import numpy as np

from benchmarks.reports import Reports
from benchmarks.truth import Corpus, Entry, Metric, mean

#: published metrics of full-reference quality that grow with quality; the agreement with each is a row
_GROWING = ("ssim", "psnr", "vif", "fsim", "vsi")
#: cases that a rank correlation needs
_MIN_CASES = 3


def pairs(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """The better of each pair has the higher overall quality; hard ones apart."""
    entries = corpus.of("quality_pair", limit=limit)
    for hard in (False, True):
        chosen = [entry for entry in entries if bool(entry.get("hard")) is hard]
        right = [_better(reports, entry["better"], entry["worse"]) for entry in chosen]
        if chosen or not hard:
            name = "quality_pair.accuracy" + ("_hard" if hard else "")
            yield Metric("quality_pair", name, mean(right), len(chosen), "hard" if hard else "")


def opinions(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Rank correlation (Spearman) of the overall quality with mean opinion scores, by aspect."""
    by_aspect: dict[str, list[Entry]] = {}
    for entry in corpus.of("mos", limit=limit):
        by_aspect.setdefault(str(entry.get("aspect") or "overall"), []).append(entry)
    for aspect, entries in sorted(by_aspect.items()):
        opinion = [float(entry["mos"]) / float(entry["scale"]) for entry in entries]
        judged = [_overall(reports, entry["path"]) for entry in entries]
        yield Metric("mos", f"mos.{aspect}_spearman", spearman(opinion, judged), len(entries))


def references(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Each picture is judged worse than its reference, and the more so the worse published metrics say."""
    entries = corpus.of("quality_reference", limit=limit)
    right = [_better(reports, entry["reference"], entry["path"]) for entry in entries]
    yield Metric("quality_reference", "quality_reference.below_reference", mean(right), len(entries))
    kept = [_overall(reports, one["path"]) - _overall(reports, one["reference"]) for one in entries]
    for metric in _GROWING:
        published = [_published(corpus, entry, metric) for entry in entries]
        known = [(a, b) for a, b in zip(published, kept, strict=True) if a is not None]
        value = spearman([a for a, _ in known], [b for _, b in known])
        if known:
            note = "" if len(known) >= _MIN_CASES else "too few to correlate"
            yield Metric("quality_reference", f"quality_reference.{metric}_spearman", value, len(known), note)


def _overall(reports: Reports, path: str) -> float:
    quality = reports.get(path).quality
    return 0.0 if quality is None else quality.overall


def _better(reports: Reports, better: str, worse: str) -> float:
    one, other = reports.get(better).quality, reports.get(worse).quality
    return float(one is not None and other is not None and one.overall > other.overall)


def _published(corpus: Corpus, entry: Entry, metric: str) -> float | None:
    with corpus.path(entry["file"]).open(encoding="utf-8", newline="") as lines:
        rows = {row["Method"]: row for row in csv.DictReader(lines)}
    value = rows.get(metric, {}).get(entry["column"])
    return None if value in (None, "") else float(value)


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Rank correlation; None for fewer than three cases or where all are equal."""
    if len(one) < _MIN_CASES:
        return None
    a, b = _ranks(one), _ranks(other)
    if a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: Sequence[float]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Ranks from 0; equal values share their mean rank."""
    array = np.asarray(values, np.float64)
    return np.array([float((array < v).sum() + ((array == v).sum() - 1) / 2) for v in array])
