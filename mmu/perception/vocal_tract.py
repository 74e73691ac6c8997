"""How long a speaker's vocal tract is, from the formants of running speech.

A tract that is shorter by a factor has all formants higher by it, so its length is the one number by which
the formants of all vowels of a speaker differ from those of a reference speaker (Turner et al., JASA 125,
2009). It is looked for as the factor under which the formants measured are most likely those of vowels of
the reference: a mixture over the twelve of Hillenbrand et al. (JASA 97, 1995). Formants are the poles of
linear prediction on the spectrum up to a ceiling (selective linear prediction, Makhoul 1975); as the right
ceiling depends on the length that is sought, several are tried, and each expects a length.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.pitch import HOP, SAMPLE_RATE, Pitch

#: F1 to F4 of the twelve vowels, Hz, mean of men, women and children of Hillenbrand et al. (1995), table V,
#: each divided by the ratio of its third formants to the men's
VOWELS = np.array(
    [
        [364, 2413, 2987, 3727],  # heed
        [423, 2061, 2710, 3710],  # hid
        [468, 2150, 2687, 3670],  # hayed
        [608, 1820, 2622, 3750],  # head
        [589, 2000, 2623, 3671],  # had
        [789, 1339, 2466, 3637],  # hod
        [680, 1041, 2463, 3411],  # hawed
        [490, 914, 2459, 3408],  # hoed
        [462, 1139, 2470, 3484],  # hood
        [394, 1031, 2393, 3481],  # who'd
        [628, 1223, 2542, 3558],  # hud
        [470, 1389, 1716, 3278],  # heard
    ]
)
#: standard deviation of the logarithms within a vowel: of speakers' habits and running speech
_SPREAD = np.array([0.12, 0.13, 0.07, 0.08])
#: a formant farther out than this many deviations is an error of measurement
_OUTLIER = 3.0
#: factors that are tried, and ceilings of the spectrum, Hz
_SCALES = np.exp(np.arange(np.log(0.8), np.log(1.8), 0.01))
_CEILINGS = (4600.0, 5000.0, 5400.0, 5800.0, 6200.0, 6600.0, 7000.0, 7400.0)
#: five formants of the reference lie below the first, Hz; a ceiling is trusted for lengths within the second
_FIVE, _WITHIN = 5000.0, 0.1
_ORDER = 10
_FORMANTS = 4
_WINDOW, _FFT = 512, 1024
#: widest pole that is a formant, Hz
_WIDEST = 700.0
#: voiced frames are as sure as this, and not softer than the loud ones by more, dB
_SURE, _RANGE_DB = 0.8, 20.0
#: more frames than this say nothing new
_MOST = 400


def voiced_spectra(
    samples: NDArray[np.float32], pitch: Pitch
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Power spectra of the voiced frames, without their harmonics, and the pitch there.

    Args:
        samples: (n,) float32 mono at 16 kHz.
        pitch: of the same samples.

    Returns:
        (frames, 513) and (frames,) Hz.
    """
    count = len(pitch.hertz)
    padded = np.pad(samples.astype(np.float64), (_WINDOW // 2, _WINDOW))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _WINDOW)[::HOP][:count]
    chosen = np.flatnonzero(pitch.confidence > _SURE)
    spectrum = np.fft.rfft(frames[chosen] * np.hanning(_WINDOW), _FFT, axis=1)
    power = spectrum.real**2 + spectrum.imag**2
    if len(chosen):
        level = 10 * np.log10(power.sum(axis=1) + 1e-12)
        loud = level > np.percentile(level, 95) - _RANGE_DB
        chosen, power = chosen[loud], power[loud]
    hertz = pitch.hertz[chosen].astype(np.float64)
    return _without_harmonics(power, hertz), hertz


def scale(power: NDArray[np.float64]) -> float:
    """Factor by which the formants lie above those of the reference speaker (an average man has 0.96).

    Args:
        power: (frames, 513) from `voiced_spectra`, at least one.
    """
    if len(power) > _MOST:
        power = power[np.linspace(0, len(power) - 1, _MOST).astype(int)]
    best = np.full(len(_SCALES), -np.inf)
    for ceiling in _CEILINGS:
        found = _formants(power, ceiling)
        if len(found):
            away = (np.log(ceiling / _FIVE) - np.log(_SCALES)) / _WITHIN
            best = np.maximum(best, _likelihood(found) - 0.5 * away**2)
    return float(_SCALES[best.argmax()]) if np.isfinite(best).any() else float("nan")


def _without_harmonics(power: NDArray[np.float64], hertz: NDArray[np.float64]) -> NDArray[np.float64]:
    """Each spectrum averaged over one harmonic's distance, which levels the harmonics."""
    step = SAMPLE_RATE / _FFT
    places = np.arange(power.shape[1]) * step
    edges = (np.arange(power.shape[1] + 1) - 0.5) * step
    sums = np.concatenate([np.zeros((len(power), 1)), np.cumsum(power, axis=1)], axis=1)
    out = np.empty_like(power)
    for row, width in enumerate(hertz):
        low = places - width / 2
        # Below zero the spectrum is mirrored.
        below = np.sign(low) * np.interp(np.abs(low), edges, sums[row])
        out[row] = (np.interp(places + width / 2, edges, sums[row]) - below) / width
    return np.maximum(out, 1e-12)


def _formants(power: NDArray[np.float64], ceiling: float) -> NDArray[np.float64]:
    """(frames, 4) Hz of the frames that have four formants below the ceiling."""
    places = np.arange(power.shape[1]) * SAMPLE_RATE / _FFT
    tilt = np.abs(1 - 0.97 * np.exp(-2j * np.pi * places / SAMPLE_RATE)) ** 2
    top = round(ceiling / SAMPLE_RATE * _FFT)
    rate = 2 * top * SAMPLE_RATE / _FFT
    moments = np.fft.irfft((power * tilt)[:, : top + 1], axis=1)[:, : _ORDER + 1]
    moments[:, 0] *= 1.0001
    companion = np.zeros((len(power), _ORDER, _ORDER))
    companion[:, 0] = -_predictor(moments)[:, 1:]
    companion[:, np.arange(1, _ORDER), np.arange(_ORDER - 1)] = 1
    poles = np.linalg.eigvals(companion)
    hertz = np.angle(poles) * rate / (2 * np.pi)
    width = -np.log(np.abs(poles) + 1e-9) * rate / np.pi
    hertz[(hertz < 150) | (hertz > rate / 2 - 50)] = np.inf
    order = np.argsort(hertz, axis=1)[:, :_FORMANTS]
    hertz, width = np.take_along_axis(hertz, order, 1), np.take_along_axis(width, order, 1)
    return np.asarray(hertz[(np.isfinite(hertz) & (width <= _WIDEST)).all(axis=1)], np.float64)


def _predictor(moments: NDArray[np.float64]) -> NDArray[np.float64]:
    """(frames, order + 1) coefficients of linear prediction by Levinson and Durbin, the first one 1."""
    out = np.zeros_like(moments)
    out[:, 0] = 1
    error = moments[:, 0].copy()
    for size in range(1, moments.shape[1]):
        reflection = -(out[:, :size] * moments[:, size:0:-1]).sum(axis=1) / error
        before = out[:, : size + 1].copy()
        out[:, 1 : size + 1] = before[:, 1:] + reflection[:, None] * before[:, size - 1 :: -1][:, :size]
        error *= 1 - reflection**2
    return out


def _likelihood(formants: NDArray[np.float64]) -> NDArray[np.float64]:
    """(scales,) mean log-likelihood of (frames, 4) formants under each factor."""
    logs = np.log(formants)
    out = np.empty(len(_SCALES))
    for row, shift in enumerate(np.log(_SCALES)):
        away = (logs[:, None, :] - shift - np.log(VOWELS)) / _SPREAD
        each = -0.5 * np.minimum(away**2, _OUTLIER**2).sum(axis=2)
        top = each.max(axis=1)
        out[row] = (top + np.log(np.exp(each - top[:, None]).mean(axis=1))).mean()
    return out
