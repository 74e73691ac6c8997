"""Metre and downbeats: which beats carry the accents, and how many lie between them.

Accents are the strength of low onsets and the change of harmony at each beat
(Klapuri, Eronen and Astola, "Analysis of the meter of acoustic musical
signals", IEEE TASLP 2006, use the same two cues).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, sosfilt

from mmu.perception.harmony import FRAME_SECONDS, RATE

SOURCE = "accents_at_beats"
#: bars that are told apart
_BARS = (3, 4)
_LEAST_BEATS = 12
#: music in three must show it clearly: most is in four
_THREE_FACTOR = 0.8
_LOW_HERTZ = 160.0


class Metre(NamedTuple):
    """Beats in a bar, times of the downbeats in seconds, and how clear they are in [0, 1]."""

    beats: int
    downbeats: NDArray[np.float64]
    clarity: float


def find_metre(
    samples: NDArray[np.float32], chroma: NDArray[np.float32], beats: NDArray[np.float64]
) -> Metre | None:
    """Metre of music with known beats; None with under twelve of them.

    Args:
        samples: (n,) float32 mono at 22.05 kHz.
        chroma: its `chroma_frames`.
        beats: (m,) times in seconds.
    """
    if len(beats) < _LEAST_BEATS:
        return None
    accents = _standard(_low_onsets(samples, beats)) + _standard(_harmonic_change(chroma, beats))
    found: dict[int, tuple[float, int]] = {}
    for bar in _BARS:
        contrasts = [_contrast(accents, bar, phase) for phase in range(bar)]
        phase = int(np.argmax(contrasts))
        found[bar] = (contrasts[phase] + _periodicity(accents, bar), phase)
    three, four = found[3][0] * _THREE_FACTOR, found[4][0]
    bar = 3 if three > four and found[3][0] > 0.3 else 4
    score, phase = found[bar]
    return Metre(bar, beats[phase::bar], float(np.clip(score / 2, 0, 1)))


def _low_onsets(samples: NDArray[np.float32], beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Energy below 160 Hz just after each beat over that just before it, dB."""
    low = sosfilt(butter(4, _LOW_HERTZ, fs=RATE, output="sos"), samples)
    energy = np.concatenate([[0.0], np.cumsum(low.astype(np.float64) ** 2)])

    def level(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
        first, last = (np.clip((t * RATE).astype(int), 0, samples.size) for t in (start, end))
        return np.asarray((energy[last] - energy[first]) / np.maximum(last - first, 1), np.float64)

    floor = float(energy[-1]) / max(samples.size, 1) * 0.05 + 1e-12
    after, before = level(beats - 0.02, beats + 0.12), level(beats - 0.14, beats - 0.02)
    rise = 10 * np.log10((after + floor) / (before + floor))
    return np.asarray(rise + 5 * np.log10(after + floor), np.float64)


def _harmonic_change(chroma: NDArray[np.float32], beats: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cosine distance between the harmony before and after each beat."""
    edges = np.clip((beats / FRAME_SECONDS).round().astype(int), 0, len(chroma))
    between = [
        chroma[first:last].mean(axis=0) if last > first else np.zeros(12)
        for first, last in zip([0, *edges], [*edges, len(chroma)], strict=True)
    ]
    out = np.zeros(len(beats))
    for index in range(len(beats)):
        a, b = between[index], between[index + 1]
        size = float(np.linalg.norm(a) * np.linalg.norm(b))
        out[index] = 1 - float(a @ b) / size if size > 0 else 0.0
    return out


def _standard(values: NDArray[np.float64]) -> NDArray[np.float64]:
    spread = float(values.std())
    return np.clip((values - values.mean()) / spread, -2, 2) if spread > 1e-9 else np.zeros(len(values))


def _contrast(accents: NDArray[np.float64], bar: int, phase: int) -> float:
    chosen = np.arange(len(accents)) % bar == phase
    return float(accents[chosen].mean() - accents[~chosen].mean())


def _periodicity(accents: NDArray[np.float64], bar: int) -> float:
    """Autocorrelation of the accents at one bar."""
    centred = accents - accents.mean()
    power = float((centred**2).mean())
    return float((centred[bar:] * centred[:-bar]).mean() / power) if power > 0 else 0.0
