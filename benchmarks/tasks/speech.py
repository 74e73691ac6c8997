"""Transcripts, language and speakers of reports, scored by `benchmarks.tasks.asr`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

import soundfile

from benchmarks.reports import Reports
from benchmarks.tasks import asr
from benchmarks.truth import Corpus, Entry, Metric
from mmu.report.schema import Report


def transcripts(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Word and character error rates, by language."""
    cases = [
        (entry, transcript(_report(corpus, reports, entry), entry["lang"]))
        for entry in corpus.of("asr", limit=limit)
    ]
    return [_metric(row) for row in asr.score(cases)]


def languages(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Main language of the whole file."""
    entries = corpus.of("language", limit=limit)
    return [
        _metric(row) for row in asr.score_language([(e, reports.get(e["path"]).language) for e in entries])
    ]


def speaker_pairs(corpus: Corpus, _reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Same or different speaker: not supported while no speaker embedding is in the default profile."""
    cases = len(corpus.of("speaker_pair", limit=limit))
    return [Metric("speaker_pair", "speaker_pair.auc", None, cases, "not supported")]


def transcript(report: Report, lang: str) -> str:
    """The whole transcript; languages that are written without spaces are joined without."""
    return ("" if lang in asr.BY_CHARACTER else " ").join(segment.text for segment in report.transcript)


def _report(corpus: Corpus, reports: Reports, entry: Entry) -> Report:
    """The report of the file, or of one channel of it."""
    if "channel" not in entry:
        return reports.get(entry["path"])
    samples, rate = soundfile.read(corpus.path(entry["path"]), always_2d=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / f"{entry['channel']}.wav"
        soundfile.write(place, samples[:, 0 if entry["channel"] == "left" else -1], rate)
        return reports.analyzer.analyze(place)


def _metric(row: asr.Row) -> Metric:
    return Metric(row["task"], row["metric"], row["value"], row["cases"])
