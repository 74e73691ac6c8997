"""Scores for sound classes, sound events and music."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]
_STEP = 0.05
#: tempo may be off by this share
_TEMPO_TOLERANCE = 0.04
_OCTAVES = (1 / 3, 1 / 2, 1, 2, 3)
_FLATS = {
    "db": "c#",
    "eb": "d#",
    "gb": "f#",
    "ab": "g#",
    "bb": "a#",
    "cb": "b",
    "fb": "e",
    "e#": "f",
    "b#": "c",
}


def _row(task: str, metric: str, values: Sequence[float]) -> Row:
    return {
        "task": task,
        "metric": metric,
        "value": sum(values) / len(values) if values else None,
        "cases": len(values),
    }


def class_seconds(truth: Row, segments: Sequence[tuple[float, float, str]]) -> tuple[float, float]:
    """(seconds with an accepted class, seconds annotated) of one `audio_class` entry.

    Args:
        truth: the entry.
        segments: (start, end, label), of one clip.
    """
    right = total = 0.0
    also, only = set(truth.get("also", [])), set(truth.get("only", []))
    limit = truth.get("until_s", float("inf"))
    for wanted in truth["segments"]:
        if only and wanted["label"] not in only:
            continue
        time = wanted["start"] + _STEP / 2
        while time < min(wanted["end"], limit):
            label = next((name for start, end, name in segments if start <= time < end), "silence")
            right += _STEP * (label == wanted["label"] or label in also)
            total += _STEP
            time += _STEP
    return right, total


def score_classes(cases: Iterable[tuple[Row, Sequence[tuple[float, float, str]]]]) -> list[Row]:
    """`audio_class.accuracy`: the mean over clips of the share of annotated time with an accepted class.

    By clip, so that one long song does not decide it; `.seconds` pools the time.
    """
    pairs = [class_seconds(truth, segments) for truth, segments in cases]
    pairs = [pair for pair in pairs if pair[1] > 0]
    whole = sum(total for _, total in pairs)
    return [
        _row("audio_class", "audio_class.accuracy", [right / total for right, total in pairs]),
        {
            "task": "audio_class",
            "metric": "audio_class.accuracy.seconds",
            "value": sum(right for right, _ in pairs) / whole if whole else None,
            "cases": len(pairs),
        },
    ]


def named(accepted: Iterable[str], label: str) -> bool:
    """True when a label equals or contains one of the accepted names, ignoring case."""
    return any(name.lower() in label.lower() for name in accepted)


def score_events(cases: Iterable[tuple[Row, Sequence[tuple[str, float]]]], *, at: int = 5) -> list[Row]:
    """`audio_event.recall@5` of (entry, [(label, score)]) pairs."""
    hits = []
    for truth, labels in cases:
        best = sorted(labels, key=lambda pair: -pair[1])[:at]
        hits.append(float(any(named(truth["any_of"], label) for label, _ in best)))
    return [_row("audio_event", f"audio_event.recall@{at}", hits)]


def score_labels(
    task: str, cases: Iterable[tuple[Row, Sequence[tuple[str, float]]]], *, at: int = 3
) -> list[Row]:
    """`instrument.recall@3`, `genre.recall@3` of (entry, [(label, score)]) pairs."""
    hits = []
    for truth, labels in cases:
        best = sorted(labels, key=lambda pair: -pair[1])[:at]
        hits.append(float(any(named(truth["any_of"], label) for label, _ in best)))
    return [_row(task, f"{task}.recall@{at}", hits)]


def tempo_within(truth: Row, bpm: float | None, *, octave: bool = False) -> bool:
    """True when the tempo is within 4% of an accepted one, or of its half, double or triple."""
    if not bpm:
        return False
    ratios = _OCTAVES if octave else (1,)
    accepted = [truth["bpm"], *truth.get("also", [])]
    return any(abs(bpm / (true * ratio) - 1) <= _TEMPO_TOLERANCE for true in accepted for ratio in ratios)


def score_tempo(cases: Iterable[tuple[Row, float | None]]) -> list[Row]:
    """`tempo.within_4pct` and `tempo.within_4pct_or_octave` of (entry, beats per minute) pairs."""
    pairs = list(cases)
    return [
        _row("tempo", "tempo.within_4pct", [float(tempo_within(t, bpm)) for t, bpm in pairs]),
        _row(
            "tempo",
            "tempo.within_4pct_or_octave",
            [float(tempo_within(t, bpm, octave=True)) for t, bpm in pairs],
        ),
    ]


def same_key(one: str, other: str) -> bool:
    """True when two names like `D minor` or `Bb major` mean one key, enharmonic names included."""
    return _key(one) == _key(other)


def _key(name: str) -> tuple[str, str]:
    tonic, _, mode = name.strip().lower().replace("♭", "b").replace("♯", "#").partition(" ")
    return _FLATS.get(tonic, tonic), "minor" if mode.startswith("min") else "major"


def score_key(cases: Iterable[tuple[Row, str | None]]) -> list[Row]:
    """`key.accuracy` of (entry, key) pairs."""
    hits = [
        float(key is not None and any(same_key(key, name) for name in [truth["key"], *truth.get("also", [])]))
        for truth, key in cases
    ]
    return [_row("key", "key.accuracy", hits)]


def score_vocals(cases: Iterable[tuple[Row, bool]]) -> list[Row]:
    """`vocals.accuracy` of (entry, whether a voice sings) pairs."""
    return [
        _row("vocals", "vocals.accuracy", [float(truth["has_vocals"] == found) for truth, found in cases])
    ]


def segments_of(signals: Iterable[Mapping[str, Any]]) -> list[tuple[float, float, str]]:
    """(start, end, label) of a report's `audio.segment` signals."""
    return [
        (signal["span"][0], signal["span"][1], signal["value"])
        for signal in signals
        if signal["kind"] == "audio.segment" and signal["span"]
    ]


def has_vocals(segments: Sequence[tuple[float, float, str]]) -> bool:
    """A voice sings when singing takes up at least a tenth of what is not silent, or three seconds."""
    sung = sum(end - start for start, end, label in segments if label == "singing")
    heard = sum(end - start for start, end, label in segments if label != "silence")
    return sung >= 3.0 or (heard > 0 and sung / heard >= 0.1)
