"""Compose and render pieces of music from a seed, for measurements that need a library of many tracks.

Pieces share a few chord progressions, tempi and instruments on purpose, as real
pop songs do: what differs is melody, rhythm, key and arrangement.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 16000
FloatArray = NDArray[np.float32]
#: scale degrees of the chords of one bar each
PROGRESSIONS = (
    (0, 4, 5, 3),
    (5, 3, 0, 4),
    (0, 3, 4, 3),
    (0, 5, 3, 4),
    (1, 4, 0, 0),
    (0, 6, 5, 4),
    (3, 4, 2, 5),
)
TEMPI = (76, 84, 92, 100, 104, 112, 120, 120, 126, 128, 140)
_MAJOR, _MINOR = (0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10)
#: harmonics' levels, decay (1/s), vibrato depth (share)
_TIMBRES: dict[str, tuple[tuple[float, ...], float, float]] = {
    "piano": ((1, 0.5, 0.33, 0.2, 0.12, 0.08), 2.5, 0.0),
    "guitar": ((1, 0.8, 0.5, 0.45, 0.3, 0.2, 0.1), 3.5, 0.0),
    "organ": ((1, 0.7, 0.1, 0.5, 0.05, 0.3), 0.0, 0.004),
    "flute": ((1, 0.25, 0.08), 0.2, 0.006),
    "saw": (tuple(1 / n for n in range(1, 12)), 0.8, 0.003),
    "voice": ((1, 0.9, 0.6, 0.25, 0.3, 0.2, 0.05), 0.1, 0.010),
}


def compose(seed: int, seconds: float = 40.0) -> FloatArray:
    """Render piece number `seed`: (n,) float32 mono at 16 kHz, peak 0.9."""
    draw = np.random.default_rng(seed)
    beat = 60.0 / float(draw.choice(TEMPI))
    key = int(draw.integers(40, 52))
    scale = _MAJOR if draw.random() < 0.6 else _MINOR
    verse, chorus = (PROGRESSIONS[i] for i in draw.choice(len(PROGRESSIONS), 2, replace=False))
    names = list(_TIMBRES)
    lead, pad, plucked = draw.choice(names, 3, replace=False)
    bars = int(np.ceil(seconds / (4 * beat)))
    out = np.zeros(int((seconds + 4) * RATE), np.float32)
    themes = [_theme(draw) for _ in range(3)]
    drums = draw.random() < 0.75
    pattern = draw.integers(0, 2, 16) | np.array([1, 0, 0, 0] * 4)
    for bar in range(bars):
        start = bar * 4 * beat
        degree = (chorus if (bar // 8) % 2 else verse)[bar % 4]
        chord = [_pitch(key, scale, degree + step) for step in (0, 2, 4)]
        for pitch in chord:
            _add(out, str(pad), pitch, start, 4 * beat, 0.10)
        _add(out, "saw", chord[0] - 12, start, 2 * beat, 0.22)
        _add(out, "saw", chord[0] - 12, start + 2 * beat, 2 * beat, 0.22)
        for step in np.flatnonzero(pattern):
            note = chord[int(draw.integers(3))] + 12
            _add(out, str(plucked), note, start + step * beat / 4, beat / 2, 0.10)
        theme = themes[(bar // 4) % 3]
        for at, length, tone in theme[bar % 2]:
            varied = tone + (int(draw.integers(-2, 3)) if draw.random() < 0.25 else 0)
            note = _pitch(key, scale, degree + varied) + 12
            _add(out, str(lead), note, start + at * beat, length * beat, 0.28)
        if drums:
            _drums(out, draw, start, beat)
    out = out[: int(seconds * RATE)]
    return np.asarray(0.9 * out / max(1e-6, float(np.abs(out).max())), np.float32)


def _theme(draw: np.random.Generator) -> list[list[tuple[float, float, int]]]:
    """Two bars of melody: (beat, length in beats, scale step above the chord's root)."""
    bars = []
    for _ in range(2):
        at, notes = 0.0, []
        while at < 4:
            length = float(draw.choice((0.5, 0.5, 1.0, 1.0, 1.5)))
            if draw.random() < 0.85:
                notes.append((at, min(length, 4 - at), int(draw.integers(-3, 8))))
            at += length
        bars.append(notes)
    return bars


def _pitch(key: int, scale: tuple[int, ...], degree: int) -> int:
    octave, step = divmod(degree, 7)
    return key + 12 * octave + scale[step]


def _add(out: FloatArray, timbre: str, pitch: int, start: float, seconds: float, gain: float) -> None:
    harmonics, decay, vibrato = _TIMBRES[timbre]
    first = int(start * RATE)
    count = min(int((seconds + 0.05) * RATE), out.size - first)
    if count <= 0:
        return
    time = np.arange(count, dtype=np.float32) / RATE
    f0 = 440.0 * 2 ** ((pitch - 69) / 12)
    phase = 2 * np.pi * f0 * time
    if vibrato:
        phase = phase + np.float32(vibrato * f0 / 5.5) * np.sin(2 * np.pi * 5.5 * time)
    tone = np.zeros(count, np.float32)
    for number, level in enumerate(harmonics, start=1):
        if number * f0 < RATE / 2:
            tone += np.float32(level) * np.sin(number * phase)
    envelope = np.minimum(1, time / 0.01) * np.minimum(1, (time[-1] - time) / 0.05) * np.exp(-decay * time)
    out[first : first + count] += gain * tone * envelope


def _drums(out: FloatArray, draw: np.random.Generator, start: float, beat: float) -> None:
    for eighth in range(8):
        first = int((start + eighth * beat / 2) * RATE)
        count = min(int(0.12 * RATE), out.size - first)
        if count <= 0:
            return
        time = np.arange(count, dtype=np.float32) / RATE
        noise = draw.standard_normal(count).astype(np.float32)
        out[first : first + count] += 0.10 * np.diff(noise, prepend=0) * np.exp(-60 * time)
        if eighth % 4 == 0:
            out[first : first + count] += 0.6 * np.sin(2 * np.pi * 55 * time) * np.exp(-25 * time)
        if eighth % 4 == 2:
            out[first : first + count] += 0.25 * noise * np.exp(-30 * time)
