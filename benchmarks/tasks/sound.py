"""Sound classes by time, sound events, vocals, tempo and key."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from benchmarks.reports import Reports
from benchmarks.tasks.tags import meets, names_of
from benchmarks.truth import Corpus, Entry, Metric, mean

STEP = 0.05
BEAT_TOLERANCE = 0.07
#: share of a recording that must be sung for it to have vocals
SUNG_SHARE = 0.08
NOTES = ["c", "c#", "d", "d#", "e", "f", "f#", "g", "g#", "a", "a#", "b"]
FLATS = {"db": "c#", "eb": "d#", "gb": "f#", "ab": "g#", "bb": "a#", "cb": "b", "fb": "e"}


def classes(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Share of the annotated time whose class is right; every recording counts alike."""
    entries = corpus.of("audio_class", limit=limit)
    values = [value for entry in entries if (value := _class_accuracy(entry, reports)) is not None]
    yield Metric("audio_class", "audio_class.accuracy", mean(values), len(values))


def _class_accuracy(entry: Entry, reports: Reports) -> float | None:
    found = _segments(reports, entry["path"])
    end = entry.get("until_s", float("inf"))
    right = total = 0
    for segment in entry["segments"]:
        accepted = {segment["label"], *(entry.get("also") or [])}
        time = segment["start"] + STEP / 2
        while time < min(segment["end"], end):
            total += 1
            right += any(start <= time < stop and label in accepted for start, stop, label in found)
            time += STEP
    return right / total if total else None


def _segments(reports: Reports, path: str) -> list[tuple[float, float, str]]:
    signals = reports.get(path).signals
    return [(*one["span"], str(one["value"])) for one in signals if one["kind"] == "audio.segment"]


def events(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """The sound is among the first five tags of the audio axis."""
    return _among_first_tags("audio_event", "audio_event.recall@5", corpus, reports, limit)


def genres(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """The genre is among the first ten tags of the audio axis."""
    return _among_first_tags("genre", "genre.recall@10", corpus, reports, limit, first=10)


def instruments(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """The instrument is among the first ten tags of the audio axis."""
    return _among_first_tags("instrument", "instrument.recall@10", corpus, reports, limit, first=10)


def _among_first_tags(
    task: str, metric: str, corpus: Corpus, reports: Reports, limit: int | None, *, first: int = 5
) -> Iterable[Metric]:
    entries = corpus.of(task, limit=limit)
    hits = []
    for entry in entries:
        tags = reports.analyzer.retag(reports.get(entry["path"]), axes=frozenset({"audio"}))[:first]
        hits.append(float(any(meets(names_of(tag), entry["any_of"]) for tag in tags)))
    yield Metric(task, metric, mean(hits), len(entries))


def beats(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """F-measure of beats within 70 ms (Dixon, 2007); with partial lists, up to the last beat listed."""
    scores = []
    for entry in corpus.of("beats", limit=limit):
        truth = entry["beats_s"]
        end = truth[-1] + BEAT_TOLERANCE if entry.get("partial") else float("inf")
        signals = reports.get(entry["path"]).signals
        found = [
            beat
            for one in signals
            if one["kind"] == "music.tempo"
            for beat in one.get("attributes", {}).get("beats_s", [])
            if beat <= end
        ]
        free = list(found)
        hits = 0
        for beat in truth:
            near = min(free, key=lambda one: abs(one - beat), default=None)
            if near is not None and abs(near - beat) <= BEAT_TOLERANCE:
                free.remove(near)
                hits += 1
        scores.append(2 * hits / (len(truth) + len(found)) if found else 0.0)
    yield Metric("beats", "beats.f_measure", mean(scores), len(scores))


def metre(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """The metre as it is written; 2/4 and 4/4 are not told apart."""
    entries = corpus.of("metre", limit=limit)
    hits = []
    for entry in entries:
        found = str(_value(reports, entry["path"], "music.metre"))
        hits.append(float(found in _same_metre(str(entry["metre"]))))
    yield Metric("metre", "metre.accuracy", mean(hits), len(entries))


def _same_metre(metre: str) -> set[str]:
    return {"3/4"} if metre in ("3/4", "6/8", "9/8", "3/8") else {metre, "4/4"}


def vocals(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Whether there is singing."""
    entries = corpus.of("vocals", limit=limit)
    right = []
    for entry in entries:
        found = _segments(reports, entry["path"])
        length = sum(stop - start for start, stop, _ in found) or 1.0
        sung = sum(stop - start for start, stop, label in found if label == "singing")
        right.append(float((sung / length >= SUNG_SHARE) == entry["has_vocals"]))
    yield Metric("vocals", "vocals.accuracy", mean(right), len(entries))


def tempo(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Tempo within 4 %, and within 4 % of the tempo or its double, triple, half or third."""
    entries = corpus.of("tempo", limit=limit)
    strict, lenient = [], []
    for entry in entries:
        found = _value(reports, entry["path"], "music.tempo")
        accepted = [entry["bpm"], *(entry.get("also") or [])]
        strict.append(float(found is not None and _near(float(found), accepted)))
        octaves = [bpm * factor for bpm in accepted for factor in (1, 2, 3, 1 / 2, 1 / 3)]
        lenient.append(float(found is not None and _near(float(found), octaves)))
    yield Metric("tempo", "tempo.within_4pct", mean(strict), len(entries))
    yield Metric("tempo", "tempo.within_4pct_or_octave", mean(lenient), len(entries))


def _near(bpm: float, accepted: list[float]) -> bool:
    return any(abs(bpm - one) <= 0.04 * one for one in accepted)


def key(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Exact key, and the MIREX score (fifth .5, relative .3, parallel .2)."""
    entries = corpus.of("key", limit=limit)
    exact, weighted = [], []
    for entry in entries:
        found = _value(reports, entry["path"], "music.key")
        accepted = [entry["key"], *(entry.get("also") or [])]
        scores = [_mirex(str(found), one) for one in accepted] if found else [0.0]
        exact.append(float(max(scores) == 1.0))
        weighted.append(max(scores))
    yield Metric("key", "key.accuracy", mean(exact), len(entries))
    yield Metric("key", "key.mirex_weighted", mean(weighted), len(entries))


def _mirex(found: str, truth: str) -> float:
    (tonic, mode), (true_tonic, true_mode) = _parse(found), _parse(truth)
    apart = (tonic - true_tonic) % 12
    if mode == true_mode:
        return {0: 1.0, 7: 0.5, 5: 0.5}.get(apart, 0.0)
    if apart == 0:
        return 0.2
    relative = 9 if true_mode == "major" else 3
    return 0.3 if apart == relative else 0.0


def _parse(text: str) -> tuple[int, str]:
    note, _, mode = text.strip().lower().partition(" ")
    note = FLATS.get(note, note)
    return NOTES.index(note), "minor" if mode.startswith("min") else "major"


def _value(reports: Reports, path: str, kind: str) -> Any:
    return next((one["value"] for one in reports.get(path).signals if one["kind"] == kind), None)
