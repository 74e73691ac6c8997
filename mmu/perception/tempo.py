"""Tempo and beats from the onsets of music.

Onset strength is the half-wave rectified flux of a log-mel spectrogram; the
tempo is the lag at which it agrees best with itself, its multiples included,
under a prior around 110 beats a minute; beats are placed by dynamic
programming (Ellis, "Beat tracking by dynamic programming", 2007).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

RATE = 22050
_FFT, _HOP, _BANDS = 2048, 256, 40
_FPS = RATE / _HOP
_LEAST_SECONDS = 2.5
_SLOWEST, _FASTEST = 40.0, 220.0
_PRIOR_BPM, _PRIOR_OCTAVES = 110.0, 0.75
#: how much a beat may stray from the tempo, as a weight of log deviation
_TIGHTNESS = 100.0


@dataclass(frozen=True, slots=True)
class Tempo:
    """Beats per minute, how clear the pulse is in [0, 1], and beat times in seconds."""

    bpm: float
    clarity: float
    beats: NDArray[np.float64]


def onset_strength(samples: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n,) onset strength at 22050 / 256 frames a second, locally normalised.

    Args:
        samples: (n,) float32 mono at 22.05 kHz.
    """
    padded = np.pad(samples, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    window = np.hanning(_FFT).astype(np.float32)
    bands = _mel_bands()
    mel = np.empty((len(frames), _BANDS))
    for first in range(0, len(frames), 1024):
        part = np.fft.rfft(frames[first : first + 1024] * window)
        mel[first : first + 1024] = (part.real**2 + part.imag**2) @ bands.T
    level = np.log1p(1000.0 * mel / max(float(mel.mean()), 1e-12))
    flux = np.zeros(len(level))
    if len(level) > 2:
        flux[2:] = np.maximum(level[2:] - level[:-2], 0).mean(axis=1)
    flux -= uniform_filter1d(flux, round(_FPS))
    flux = np.maximum(flux, 0)
    deviation = float(flux.std())
    return np.asarray(flux / deviation if deviation > 0 else flux, np.float64)


def _mel_bands() -> NDArray[np.float64]:
    mel = np.linspace(0, 2595 * np.log10(1 + 8000 / 700), _BANDS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.arange(_FFT // 2 + 1) * RATE / _FFT
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre))
    return np.asarray(np.maximum(triangles, 0), np.float64)


def find_tempo(samples: NDArray[np.float32]) -> Tempo | None:
    """Tempo of music at 22.05 kHz mono; None under 2.5 s or without any pulse."""
    if samples.size < _LEAST_SECONDS * RATE:
        return None
    onsets = onset_strength(samples)
    if not onsets.any():
        return None
    agreement = _autocorrelation(onsets)
    rate = 60 * _FPS
    lags = np.arange(int(rate / _FASTEST), min(int(rate / _SLOWEST) + 1, len(agreement) // 2))
    if lags.size < 3:
        return None
    # The pulse shows at its multiples too; a lag that only fits every other beat lacks half of them.
    comb = agreement[lags] + 0.5 * _at(agreement, 2 * lags) + 0.25 * _at(agreement, 4 * lags)
    comb += 0.25 * _at(agreement, 3 * lags)
    prior = np.exp(-0.5 * (np.log2(rate / lags / _PRIOR_BPM) / _PRIOR_OCTAVES) ** 2)
    best = int(np.argmax(np.maximum(comb, 0) * prior))
    chosen = int(lags[best])
    lag = _refine(agreement, chosen)
    clarity = float(np.clip(agreement[chosen], 0, 1))
    if clarity < 0.03:
        return None
    return Tempo(60 * _FPS / lag, clarity, _beats(onsets, lag) / _FPS)


def _autocorrelation(onsets: NDArray[np.float64]) -> NDArray[np.float64]:
    """Unbiased, 1 at lag 0, for lags up to 12 s."""
    centred = onsets - onsets.mean()
    size = 1 << (2 * len(centred) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    raw = np.fft.irfft(spectrum * spectrum.conj(), size)[: min(len(centred), int(12 * _FPS))]
    unbiased = raw / (len(centred) - np.arange(len(raw)))
    return np.asarray(unbiased / max(float(unbiased[0]), 1e-12), np.float64)


def _at(values: NDArray[np.float64], index: NDArray[np.intp]) -> NDArray[np.float64]:
    """Best value within two frames of each index; 0 beyond the end."""
    out = np.zeros(len(index))
    for shift in (-2, -1, 0, 1, 2):
        inside = index + shift < len(values)
        out[inside] = np.maximum(out[inside], values[index[inside] + shift])
    return out


def _refine(agreement: NDArray[np.float64], lag: int) -> float:
    """The lag to a fraction of a frame, measured on the highest multiple that still shows a peak."""
    for multiple in (8, 4, 2, 1):
        centre, reach = lag * multiple, max(2, multiple)
        if centre + reach + 1 >= len(agreement):
            continue
        near = agreement[centre - reach : centre + reach + 1]
        peak = int(near.argmax())
        if 0 < peak < len(near) - 1 and near[peak] > 0.3 * agreement[lag]:
            left, top, right = near[peak - 1 : peak + 2]
            bend = left - 2 * top + right
            offset = 0.5 * (left - right) / bend if bend < 0 else 0.0
            return float((centre - reach + peak + offset) / multiple)
    return float(lag)


def _beats(onsets: NDArray[np.float64], period: float) -> NDArray[np.float64]:
    """Frames of the beats."""
    shifts = np.arange(-round(2 * period), -round(period / 2) + 1)
    penalty = -_TIGHTNESS * np.log(-shifts / period) ** 2
    total = onsets.copy()
    back = np.full(len(onsets), -1)
    for frame in range(-int(shifts[-1]), len(onsets)):
        before = frame + shifts
        inside = before >= 0
        score = total[before[inside]] + penalty[inside]
        best = int(score.argmax())
        total[frame] += score[best]
        back[frame] = before[inside][best]
    tail = max(0, len(total) - round(period))
    frame = tail + int(total[tail:].argmax())
    path: list[int] = []
    while frame >= 0:
        path.append(frame)
        frame = int(back[frame])
    return np.asarray(path[::-1], np.float64)
