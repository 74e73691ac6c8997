"""Pitch, notes and same recordings: read from the sound itself, not from reports."""

from __future__ import annotations

import csv
import re
import tempfile
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.reports import Reports
from benchmarks.truth import Corpus, Entry, Metric, mean
from mmu.media.open import open_clip
from mmu.songs.collect import OPTIONS, read_track
from mmu.songs.identify import cut, identify
from mmu.songs.library import SongLibrary
from mmu.songs.singing import analyse
from models.pitch import FRAME_SECONDS, SAMPLE_RATE, VOICED, Pitch, SwiftF0
from models.store import Store

#: cents within which a pitch is right, and seconds within which an onset is
CENTS, ONSET = 50.0, 0.05


def f0(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Raw pitch accuracy: voiced moments whose pitch is within half a semitone (Poliner et al., 2007)."""
    entries = corpus.of("f0", limit=limit)
    accuracy, voicing = [], []
    for entry in entries:
        times, hertz = _f0_truth(corpus.path(entry["file"]), entry)
        pitch = _pitch(corpus.path(entry["path"]))
        rows = np.clip((times / FRAME_SECONDS).round().astype(int), 0, len(pitch.hertz) - 1)
        voiced = hertz > 0
        apart = 1200 * np.abs(np.log2(np.maximum(pitch.hertz[rows], 1) / np.maximum(hertz, 1)))
        accuracy.append(float((apart[voiced] <= CENTS).mean()) if voiced.any() else 0.0)
        voicing.append(float(((pitch.confidence[rows] >= VOICED) == voiced).mean()))
    yield Metric("f0", "f0.raw_pitch_accuracy", mean(accuracy), len(entries))
    yield Metric("f0", "f0.voicing_accuracy", mean(voicing), len(entries))


def notes(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Onset and pitch F-measure where the notes are timed, else the share of the notes that were heard.

    One voice at a time is followed, so chords cost recall.
    """
    timed, named = [], []
    for entry in corpus.of("notes", limit=limit):
        found = analyse(_pitch(corpus.path(entry["path"])))
        heard = [] if found is None else [(note.start, note.midi) for note in found.notes]
        truth = _note_truth(corpus, entry)
        if truth is not None:
            timed.append(_note_f(truth, heard))
        else:
            wanted = [float(one["midi"]) for one in entry.get("notes", [])]
            hits = sum(any(abs(one - midi) <= CENTS / 100 for _, midi in heard) for one in wanted)
            named.append(hits / len(wanted) if wanted else 0.0)
    if timed:
        yield Metric("notes", "notes.onset_f", mean(timed), len(timed))
    if named:
        yield Metric("notes", "notes.named_recall", mean(named), len(named))


def same_work(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Whether two recordings are the same by the song library; other performances are not looked for."""
    entries = corpus.of("same_work", limit=limit)
    right = [_same(corpus, one) == one["same"] for one in entries]
    yield Metric("same_work", "same_work.accuracy", mean([float(one) for one in right]), len(entries))


@cache
def _network() -> SwiftF0:
    return SwiftF0(Store().file("swift-f0"))


def _pitch(path: Path) -> Pitch:
    with open_clip(path, options=OPTIONS, audio_rates=frozenset({SAMPLE_RATE})) as clip:
        return _network().track(clip.audio(SAMPLE_RATE))


def _table(path: Path) -> list[list[float]]:
    """Rows of numbers, whatever separates them; lines that hold none are left out."""
    out: list[list[float]] = []
    text = path.read_text(encoding="utf-8")
    for row in csv.reader(re.sub(r"[\t ;]+", ",", line.strip()) for line in text.splitlines()):
        try:
            out.append([float(cell) for cell in row if cell])
        except ValueError:
            continue
    return [row for row in out if row]


def _column(columns: list[str], *words: str) -> int:
    """Index of the first column whose name holds one of the words."""
    return next(i for i, name in enumerate(columns) if any(word in name.lower() for word in words))


def _f0_truth(path: Path, entry: Entry) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times in seconds, and Hz with 0 where nothing is sung."""
    columns = entry["columns"]
    time, value = _column(columns, "time", "start"), _column(columns, "hz", "f0", "freq", "pitch", "midi")
    rows = np.array([row for row in _table(path) if len(row) > max(time, value)], np.float64)
    hertz = rows[:, value]
    silent = hertz <= 0
    if isinstance(entry.get("unvoiced"), int | float):
        silent |= hertz == float(entry["unvoiced"])
    if "midi" in columns[value].lower():
        hertz = 440 * 2 ** ((hertz - 69) / 12)
    return rows[:, time], np.where(silent, 0.0, hertz)


def _note_truth(corpus: Corpus, entry: Entry) -> list[tuple[float, float]] | None:
    """(onset, MIDI number) of each note; None where they are not timed."""
    if "file" not in entry or entry.get("aligned") is False:
        return None
    columns = entry["columns"]
    start, midi = _column(columns, "start", "onset", "time"), _column(columns, "midi", "pitch", "hz", "freq")
    hertz = any(word in columns[midi].lower() for word in ("hz", "freq"))
    rows = [row for row in _table(corpus.path(entry["file"])) if len(row) > max(start, midi)]
    return [(row[start], 69 + 12 * np.log2(row[midi] / 440) if hertz else row[midi]) for row in rows]


def _note_f(truth: list[tuple[float, float]], found: list[tuple[float, float]]) -> float:
    free = list(found)
    hits = 0
    for onset, midi in truth:
        near = [one for one in free if abs(one[0] - onset) <= ONSET and abs(one[1] - midi) <= CENTS / 100]
        if near:
            free.remove(min(near, key=lambda one: abs(one[0] - onset)))
            hits += 1
    return 2 * hits / max(1, len(truth) + len(found))


def _same(corpus: Corpus, entry: Entry) -> bool:
    with tempfile.TemporaryDirectory() as folder, SongLibrary(Path(folder)) as library:
        library.add([read_track(corpus.path(entry["a"]))])
        with open_clip(
            corpus.path(entry["b"]), options=OPTIONS, audio_rates=frozenset({SAMPLE_RATE})
        ) as clip:
            pieces = ((a, clip.audio(SAMPLE_RATE, a, b)) for a, b in cut(clip.duration))
            return bool(identify(library, pieces))
