"""Singing, measured: notes, range, intonation, steadiness, vibrato, and a score with its parts.

All of it comes from the fundamental frequency of one voice. The score says how
well the pitch sits and stays; it does not hear timbre, words or expression.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from models.pitch import FRAME_SECONDS, VOICED, Pitch

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
#: semitones from a note's median at which another note begins when it stays away for `_STAY` frames
_SPLIT, _STAY = 0.6, 4
#: unvoiced frames that end a note; a consonant shorter than that doesn't
_GAP = 5
#: shortest note in frames
_SHORTEST = 7
#: seconds of a note from which vibrato is looked for; its rates in Hz; its least extent in cents
_LONG, _RATES, _EXTENT = 0.4, (4.0, 8.5), 15.0
#: share of a note's movement that must be at one rate
_REGULAR = 0.5
#: Cents at which a part scores 100 and 0. Sung by chance, notes lie 25 cents off a semitone on average.
_INTONATION, _STEADINESS = (6.0, 25.0), (5.0, 45.0)
_WEIGHTS = {"intonation": 0.6, "steadiness": 0.4}
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Vibrato:
    """Regular movement of the pitch within a note."""

    #: Hz
    rate: float
    #: cents from the middle to either side
    extent: float


@dataclass(frozen=True, slots=True)
class Note:
    """One sung note. Times in seconds."""

    start: float
    end: float
    #: median pitch as a MIDI number with its fraction
    midi: float
    #: cents from the nearest semitone of the singer's own tuning
    deviation: float
    #: standard deviation of the pitch in cents after vibrato is smoothed away
    wander: float
    vibrato: Vibrato | None


@dataclass(frozen=True, slots=True)
class Singing:
    """What a voice sang."""

    notes: tuple[Note, ...]
    #: seconds with a pitch
    voiced: float
    #: cents of the singer's tuning from A = 440 Hz, -50 to 50
    tuning: float
    #: mean distance in cents of notes from the nearest semitone, by length
    intonation: float
    #: mean wander in cents, by length
    steadiness: float
    #: share of the long notes that have vibrato, with its median rate (Hz) and extent (cents)
    vibrato_share: float
    vibrato: Vibrato | None
    #: lowest and highest note as MIDI numbers, each note shorter than 0.1 s left out
    lowest: float
    highest: float
    #: 0..100, and the parts it is the weighted mean of
    score: float
    parts: dict[str, float]


def analyse(pitch: Pitch) -> Singing | None:
    """Measure the singing in a pitch track; None when it holds no note."""
    voiced = pitch.confidence >= VOICED
    semitones = 69 + 12 * np.log2(np.maximum(pitch.hertz, 1.0).astype(np.float64) / 440)
    spans = _segment(semitones, voiced)
    if not spans:
        return None
    middles = np.array([np.median(_core(semitones[start:stop])) for start, stop in spans])
    lengths = np.array([stop - start for start, stop in spans]) * FRAME_SECONDS
    tuning = _tuning(middles, lengths)
    deviations = (middles - tuning / 100 + 0.5) % 1 * 100 - 50
    notes = tuple(
        _note(semitones[start:stop], start, stop, float(middle), float(deviation))
        for (start, stop), middle, deviation in zip(spans, middles, deviations, strict=True)
    )
    long = [note for note in notes if note.end - note.start >= _LONG]
    vibrati = [note.vibrato for note in long if note.vibrato]
    intonation = float(np.average(np.abs(deviations), weights=lengths))
    steadiness = float(np.average([note.wander for note in notes], weights=lengths))
    parts = {"intonation": _points(intonation, _INTONATION), "steadiness": _points(steadiness, _STEADINESS)}
    return Singing(
        notes=notes,
        voiced=float(voiced.sum() * FRAME_SECONDS),
        tuning=tuning,
        intonation=intonation,
        steadiness=steadiness,
        vibrato_share=len(vibrati) / len(long) if long else 0.0,
        vibrato=Vibrato(
            float(np.median([one.rate for one in vibrati])), float(np.median([one.extent for one in vibrati]))
        )
        if vibrati
        else None,
        lowest=float(middles.min()),
        highest=float(middles.max()),
        score=sum(_WEIGHTS[name] * value for name, value in parts.items()),
        parts=parts,
    )


def note_name(midi: float) -> str:
    """`A4` for 69."""
    nearest = round(midi)
    return f"{NAMES[nearest % 12]}{nearest // 12 - 1}"


def _segment(semitones: FloatArray, voiced: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Runs of frames with one pitch, [start, stop)."""
    spans: list[tuple[int, int]] = []
    # Two frames of a wrong octave are no note.
    smooth = ndimage.median_filter(semitones, 5)
    start = -1
    away = quiet = 0
    for index in range(len(smooth) + 1):
        if index == len(smooth) or not voiced[index]:
            quiet += 1
            if start >= 0 and (quiet > _GAP or index == len(smooth)):
                spans.append((start, index - quiet + 1))
                start, away = -1, 0
            continue
        if start < 0:
            start, away = index, 0
        held = smooth[start : index - away]
        held = held[voiced[start : index - away]]
        moved = held.size > 0 and abs(smooth[index] - np.median(held[-40:])) > _SPLIT
        away = away + 1 if moved else 0
        if away >= _STAY:
            spans.append((start, index - away + 1))
            start, away = index - away + 1, 0
        quiet = 0
    return [(first, last) for first, last in spans if last - first >= _SHORTEST]


def _core(values: FloatArray) -> FloatArray:
    """A note without the slides at its ends."""
    edge = len(values) // 5
    return values[edge : len(values) - edge]


def _tuning(middles: FloatArray, lengths: FloatArray) -> float:
    """Cents by which the notes lie off the semitones of A = 440 Hz: their circular mean."""
    angle = np.angle(np.sum(lengths * np.exp(2j * np.pi * middles)))
    return float(angle / (2 * np.pi) * 100)


def _note(values: FloatArray, start: int, stop: int, middle: float, deviation: float) -> Note:
    cents = _core(values) * 100
    vibrato = _vibrato(cents) if len(values) * FRAME_SECONDS >= _LONG else None
    # A quarter of a second is more than one period of any vibrato.
    width = min(len(cents), round(0.25 / FRAME_SECONDS) if vibrato else 3)
    wander = float(np.std(ndimage.uniform_filter1d(cents, width, mode="nearest")))
    return Note(start * FRAME_SECONDS, stop * FRAME_SECONDS, middle, deviation, wander, vibrato)


def _vibrato(cents: FloatArray) -> Vibrato | None:
    """The strongest regular movement at 4 to 8.5 Hz, when it makes up most of all movement."""
    count = len(cents)
    time = np.arange(count)
    flat = cents - np.polyval(np.polyfit(time, cents, 2), time)
    spectrum = np.abs(np.fft.rfft(flat * np.hanning(count), 512)) ** 2
    rates = np.fft.rfftfreq(512, FRAME_SECONDS)
    inside = (rates >= _RATES[0]) & (rates <= _RATES[1])
    peak = int(np.argmax(np.where(inside, spectrum, 0)))
    near = np.abs(rates - rates[peak]) <= 2 / (count * FRAME_SECONDS)
    extent = float(np.sqrt(2) * np.std(flat))
    if spectrum[near].sum() < _REGULAR * spectrum[rates > 1].sum() or extent < _EXTENT:
        return None
    return Vibrato(float(rates[peak]), extent)


def _points(value: float, scale: tuple[float, float]) -> float:
    best, worst = scale
    return float(np.clip((worst - value) / (worst - best), 0, 1) * 100)
