"""Key of music: a chroma of spectral peaks, correlated with key profiles.

Profiles of Albrecht and Shanahan, "The use of large corpora to train a new
type of key-finding algorithm" (Music Perception, 2013).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

RATE = 22050
_FFT, _HOP = 8192, 4096
_LOW, _HIGH = 55.0, 2000.0
NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_MAJOR = np.array([0.238, 0.006, 0.111, 0.006, 0.137, 0.094, 0.016, 0.214, 0.009, 0.080, 0.008, 0.081])
_MINOR = np.array([0.220, 0.006, 0.104, 0.123, 0.019, 0.103, 0.012, 0.214, 0.062, 0.022, 0.061, 0.052])


def chroma(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """(12,) share of the tonal energy of each pitch class, C first, after correcting the tuning.

    Args:
        samples: (n,) float32 mono at 22.05 kHz.
    """
    if samples.size < _FFT:
        samples = np.pad(samples, (0, _FFT - samples.size))
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[::_HOP]
    window = np.hanning(_FFT).astype(np.float32)
    pitches: list[NDArray[np.float64]] = []
    weights: list[NDArray[np.float64]] = []
    for frame in frames:
        magnitude = np.abs(np.fft.rfft(frame * window)).astype(np.float64)
        pitch, height = _peaks(magnitude)
        if height.size:
            pitches.append(pitch)
            # A loud passage should not decide alone.
            weights.append(np.sqrt(height / height.sum()) * np.sqrt(height.sum()))
    if not pitches:
        return np.zeros(12)
    pitch, weight = np.concatenate(pitches), np.concatenate(weights)
    # Mean deviation from the nearest semitone, on the circle: some music is tuned a little off 440 Hz.
    tuning = np.angle(np.sum(weight * np.exp(2j * np.pi * pitch))) / (2 * np.pi)
    exact = pitch - tuning
    nearest = np.round(exact)
    weight = weight * np.exp(-0.5 * ((exact - nearest) / 0.2) ** 2)
    out = np.bincount(nearest.astype(int) % 12, weights=weight, minlength=12)
    total = float(out.sum())
    return np.asarray(out / total if total > 0 else out, np.float64)


def _peaks(magnitude: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """MIDI pitch and height of the spectral peaks that stand out of their frame."""
    low, high = int(_LOW * _FFT / RATE), int(_HIGH * _FFT / RATE)
    middle = magnitude[low:high]
    top = (middle > magnitude[low - 1 : high - 1]) & (middle >= magnitude[low + 1 : high + 1])
    top &= middle > 0.03 * float(middle.max(initial=0.0))
    index = np.flatnonzero(top) + low
    if not index.size:
        return np.empty(0), np.empty(0)
    left, centre, right = (np.log(magnitude[index + d] + 1e-12) for d in (-1, 0, 1))
    bend = np.minimum(left - 2 * centre + right, -1e-9)
    exact = index + np.clip(0.5 * (left - right) / bend, -0.5, 0.5)
    return 69 + 12 * np.log2(exact * RATE / _FFT / 440.0), magnitude[index]


def find_key(samples: NDArray[np.float32]) -> tuple[str, float] | None:
    """(key such as `D minor`, confidence in [0, 1]) of music at 22.05 kHz mono; None without tones."""
    found = chroma(samples)
    if found.sum() <= 0 or found.std() < 1e-3:
        return None
    scores = {
        f"{NAMES[tonic]} {mode}": float(np.corrcoef(found, np.roll(profile, tonic))[0, 1])
        for mode, profile in (("major", _MAJOR), ("minor", _MINOR))
        for tonic in range(12)
    }
    first, second = sorted(scores.values(), reverse=True)[:2]
    key = max(scores, key=lambda name: scores[name])
    return key, float(np.clip(0.5 * max(first, 0.0) + 2.5 * (first - second), 0.0, 1.0))
