"""Single sounds that stand out of what is around them, and what can be measured of each."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import minimum_filter1d, uniform_filter1d
from scipy.signal import find_peaks

_FFT, _HOP = 512, 160
STEP_SECONDS = 0.01
#: dB above the floor at which a sound begins, and falls back to its end
_BEGIN, _END = 12.0, 6.0
#: the floor is the quietest moment within so many seconds, smoothed
_FLOOR_SECONDS = 3.0
_QUIETEST = -58.0
#: pauses shorter than this do not end a sound, seconds
_GAP = 0.04
#: dB by which the level must fall and rise again between two sounds
_DIP = 9.0


@dataclass(frozen=True, slots=True)
class Burst:
    """One sound; seconds from the start of the samples."""

    start: float
    end: float
    #: dB above the floor at its loudest, and its loudest level in dBFS
    rise: float
    level: float
    #: seconds from its start to its loudest moment
    attack: float
    #: energy-weighted mean and spread of the spectrum, Hz
    centroid: float
    spread: float
    #: spectral flatness, 0 (tone) to 1 (noise), weighed by energy
    flatness: float
    #: share of the energy below 500 Hz, from 500 to 2500, and above 4000
    low: float
    middle: float
    high: float

    @property
    def seconds(self) -> float:
        return self.end - self.start


def find_bursts(samples: NDArray[np.float32], rate: int) -> list[Burst]:
    """Every sound that rises clearly above its surroundings, in order.

    Args:
        samples: (n,) float32 mono.
        rate: samples a second, 16000.
    """
    if samples.size < _FFT:
        return []
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[::_HOP]
    spectrum = np.abs(np.fft.rfft(frames * np.hanning(_FFT).astype(np.float32), axis=1)) ** 2
    hertz = np.asarray(np.fft.rfftfreq(_FFT, 1 / rate), np.float64)
    # Below 80 Hz there is wind and rumble.
    spectrum[:, hertz < 80] = 0
    power = spectrum.sum(axis=1, dtype=np.float64)
    level = np.maximum(10 * np.log10(power / (_FFT * _FFT / 8) + 1e-12), -90)
    floor = uniform_filter1d(
        minimum_filter1d(uniform_filter1d(level, 5), round(_FLOOR_SECONDS / STEP_SECONDS)), 100
    )
    above = level - np.maximum(floor, _QUIETEST)
    runs = [part for run in _runs(above) for part in _split(level, *run)]
    return [_measure(spectrum, level, above, hertz, a, b) for a, b in runs]


def _runs(above: NDArray[np.float64]) -> list[tuple[int, int]]:
    loud = np.concatenate([[False], above > _END, [False]])
    edges = np.flatnonzero(loud[1:] != loud[:-1]).reshape(-1, 2)
    joined: list[list[int]] = []
    for first, last in edges:
        if joined and (first - joined[-1][1]) * STEP_SECONDS < _GAP:
            joined[-1][1] = int(last)
        else:
            joined.append([int(first), int(last)])
    return [(first, last) for first, last in joined if above[first:last].max() > _BEGIN]


def _split(level: NDArray[np.float64], first: int, last: int) -> list[tuple[int, int]]:
    """A run of several sounds, apart at the dips between them."""
    smooth = uniform_filter1d(level[first:last], 3)
    peaks, _ = find_peaks(smooth, prominence=_DIP)
    if len(peaks) < 2:
        return [(first, last)]
    dips = [int(a + smooth[a:b].argmin()) for a, b in itertools.pairwise(peaks)]
    edges = [first, *(first + dip for dip in dips), last]
    return [(a, b) for a, b in itertools.pairwise(edges) if b - a >= 3]


def _measure(
    spectrum: NDArray[np.float32],
    level: NDArray[np.float64],
    above: NDArray[np.float64],
    hertz: NDArray[np.float64],
    first: int,
    last: int,
) -> Burst:
    part = spectrum[first:last].astype(np.float64)
    mean = part.sum(axis=0)
    total = float(mean.sum()) + 1e-20
    centroid = float((mean * hertz).sum() / total)
    energy = part.sum(axis=1)
    inside = hertz >= 80
    flat = np.exp(np.log(part[:, inside] + 1e-12).mean(axis=1)) / (part[:, inside].mean(axis=1) + 1e-12)

    def share(low: float, high: float) -> float:
        return float(mean[(hertz >= low) & (hertz < high)].sum() / total)

    return Burst(
        start=first * STEP_SECONDS,
        end=last * STEP_SECONDS + _FFT / 2 / 16000,
        rise=float(above[first:last].max()),
        level=float(level[first:last].max()),
        attack=float(level[first:last].argmax() * STEP_SECONDS),
        centroid=centroid,
        spread=float(np.sqrt((mean * (hertz - centroid) ** 2).sum() / total)),
        flatness=float((flat * energy).sum() / (energy.sum() + 1e-20)),
        low=share(0, 500),
        middle=share(500, 2500),
        high=share(4000, 8001),
    )
