"""Transcripts, language and speakers of reports, scored by `benchmarks.tasks.asr`."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.reports import Reports
from benchmarks.tasks import asr, speakers
from benchmarks.tasks.diarization import errors, read_truth
from benchmarks.truth import Corpus, Entry, Metric, mean
from mmu.report.schema import Report

#: cosine of two voices from which they count as one speaker
SAME_SPEAKER_COSINE = 0.5


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


def speaker_pairs(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Cosine of the main voices; a file without a voice counts as different from all."""
    entries = corpus.of("speaker_pair", limit=limit)
    cases = [(entry, _similarity(reports.get(entry["a"]), reports.get(entry["b"]))) for entry in entries]
    return [_metric(row) for row in speakers.score_pairs(cases, threshold=SAME_SPEAKER_COSINE)]


def speaker_genders(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Gender of the voice heard longest within the span, or in the whole file."""
    entries = corpus.of("speaker_gender", limit=limit)
    cases = [(entry, _gender(reports.get(entry["path"]), entry.get("span"))) for entry in entries]
    return [_metric(row) for row in speakers.score_gender(cases)]


def speech_emotions(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Tone of voice of the whole file: probabilities of its stretches, weighed by their length."""
    entries = corpus.of("speech_emotion", limit=limit)
    return [
        _metric(row)
        for row in speakers.score_emotion([(one, _emotion(reports.get(one["path"]))) for one in entries])
    ]


def _emotion(report: Report) -> str | None:
    votes: defaultdict[str, float] = defaultdict(float)
    for one in report.signals:
        if one["kind"] == "speech.emotion":
            start, end = one["span"]
            for label, score in one["attributes"]["scores"].items():
                votes[label] += score * (end - start)
    return max(votes, key=lambda label: votes[label]) if votes else None


def diarization(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """How many voices there are, and the diarization error rate where the turns are known."""
    entries = corpus.of("diarization", limit=limit)
    cases = [(entry, len(reports.get(entry["path"]).speakers)) for entry in entries]
    yield from (_metric(row) for row in speakers.score_count(cases))
    rates: dict[bool, list[float]] = {False: [], True: []}
    for entry in entries:
        truth = read_truth(corpus.root, entry)
        if truth is not None:
            found = {one.id: one.turns for one in reports.get(entry["path"]).speakers}
            rates[bool(entry.get("approx"))].append(errors(truth, found).rate)
    for approx, values in rates.items():
        name = "diarization.der_approx" if approx else "diarization.der"
        if values:
            yield Metric("diarization", name, mean(values), len(values))


def _similarity(a: Report, b: Report) -> float:
    if not a.speakers or not b.speakers:
        return -1.0
    x, y = np.asarray(a.speakers[0].embedding), np.asarray(b.speakers[0].embedding)
    return float(x @ y / (np.linalg.norm(x) * np.linalg.norm(y)))


def _gender(report: Report, span: list[float] | None) -> str | None:
    start, end = span or (0.0, float("inf"))
    heard = {
        one.id: sum(max(0.0, min(stop, end) - max(begin, start)) for begin, stop in one.turns)
        for one in report.speakers
    }
    main = max(report.speakers, key=lambda one: heard[one.id], default=None)
    return main.gender if main else None


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
