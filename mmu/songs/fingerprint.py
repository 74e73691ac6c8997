"""Landmarks of music that survive speech, noise, re-encoding and changes of speed or pitch.

Peaks of a log-frequency spectrogram are joined to triplets. A triplet's key is
made of its first frequency, two frequency differences and the ratio of two time
differences: a change of speed moves only the first frequency, a change of tempo
nothing. Method: Wang (ISMIR 2003) for landmarks and voting; Six and Leman,
"Panako" (ISMIR 2014) for triplets that don't depend on the time scale. The
first frequency is kept in the key, so that a search looks at the few pitch
shifts that occur and not at all of them.
"""

from __future__ import annotations

import functools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, sparse

RATE = 16000
HOP = 256
#: seconds from one spectrogram frame to the next
FRAME_SECONDS = HOP / RATE
BINS_PER_OCTAVE = 36
_FFT = 2048
_LOWEST, _HIGHEST = 220.0, 5000.0
BINS = int(np.log2(_HIGHEST / _LOWEST) * BINS_PER_OCTAVE)
#: a peak is the largest value this many bins up and down and frames before and after
_REACH_BINS, _REACH_FRAMES = 9, 7
#: what is quieter than the recording's loudest peak by more than this (dB) is not looked at
_RANGE_DB = 60.0
#: frames from the first to the third peak of a triplet
_SPAN = (12, 110)
#: frames between two peaks that are joined
_MIN_STEP = 3
#: bins between two peaks that are joined
_MAX_STEP = 31
_RATIOS = 24
_BLOCK = 4096


class Peaks(NamedTuple):
    """Spectrogram peaks by time: parallel int32 arrays of frames and log-frequency bins."""

    frame: NDArray[np.int32]
    bin: NDArray[np.int32]


class Landmarks(NamedTuple):
    """Triplets: parallel arrays.

    `key` uint32 (its bits above `SHIFT_BITS` are the first peak's bin), `frame` int32 (of the first peak).
    """

    key: NDArray[np.uint32]
    frame: NDArray[np.int32]


#: adding 1 << SHIFT_BITS to a key is the same triplet one bin (1/36 octave) higher
SHIFT_BITS = 17


def landmarks(
    samples: NDArray[np.float32], *, density: int = 20, fan: int = 5, tuning: float = 0.0
) -> Landmarks:
    """Fingerprint a piece of audio.

    Args:
        samples: (n,) float32 mono at 16 kHz.
        density: most peaks a second.
        fan: how many later peaks each peak is joined with.
        tuning: where the bins lie, in bins above their usual place.
    """
    return triplets(peaks(samples, density=density, tuning=tuning), fan=fan)


def peaks(samples: NDArray[np.float32], *, density: int = 20, tuning: float = 0.0) -> Peaks:
    """Find the local maxima of the log-frequency spectrogram that stand out most, `density` a second."""
    levels = _spectrogram(samples, tuning)
    if not levels.size:
        return Peaks(np.zeros(0, np.int32), np.zeros(0, np.int32))
    size = (2 * _REACH_FRAMES + 1, 2 * _REACH_BINS + 1)
    tops = levels == ndimage.maximum_filter(levels, size, mode="nearest")
    tops &= levels > max(float(levels.max()) - _RANGE_DB, -100.0)
    frame, position = np.nonzero(tops)
    # A peak counts by how far it stands out of its surroundings, not by its level: quiet passages count too.
    surroundings = ndimage.uniform_filter(
        levels, (4 * _REACH_FRAMES + 1, 2 * _REACH_BINS + 1), mode="nearest"
    )
    height = (levels - surroundings)[frame, position]
    second = (frame * FRAME_SECONDS).astype(np.int64)
    order = np.lexsort((-height, second))
    firsts = np.searchsorted(second[order], second[order])
    kept = np.sort(order[np.arange(len(order)) - firsts < density])
    return Peaks(frame[kept].astype(np.int32), position[kept].astype(np.int32))


def triplets(found: Peaks, *, fan: int) -> Landmarks:
    """Join every peak with pairs of the `fan` next ones within reach."""
    keys: list[NDArray[np.uint32]] = []
    frames: list[NDArray[np.int32]] = []
    first, second = _neighbours(found, fan)
    by_first = np.searchsorted(first, np.arange(len(found.frame) + 1))
    counts = np.diff(by_first)
    for near in range(int(counts.max(initial=0))):
        for far in range(near + 1, int(counts.max(initial=0))):
            anchor = np.flatnonzero(counts > far)
            b, c = second[by_first[anchor] + near], second[by_first[anchor] + far]
            step, span = found.frame[b] - found.frame[anchor], found.frame[c] - found.frame[anchor]
            rise, climb = found.bin[b] - found.bin[anchor], found.bin[c] - found.bin[anchor]
            good = (span >= _SPAN[0]) & (found.frame[c] - found.frame[b] >= _MIN_STEP)
            ratio = np.minimum((step * _RATIOS) // np.maximum(span, 1), _RATIOS - 1)
            key = found.bin[anchor].astype(np.int64) << SHIFT_BITS
            key |= ((rise + 32) << 11) | ((climb + 32) << 5) | ratio
            keys.append(key[good].astype(np.uint32))
            frames.append(found.frame[anchor][good])
    if not keys:
        return Landmarks(np.zeros(0, np.uint32), np.zeros(0, np.int32))
    return Landmarks(np.concatenate(keys), np.concatenate(frames).astype(np.int32))


def _neighbours(found: Peaks, fan: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Pairs of peak indices (earlier, later), ordered by the earlier, then by time; `fan` for each."""
    total = len(found.frame)
    ends = np.searchsorted(found.frame, found.frame + _SPAN[1])
    firsts: list[NDArray[np.int64]] = []
    seconds: list[NDArray[np.int64]] = []
    taken = np.zeros(total, np.int64)
    index = np.arange(total)
    for ahead in range(1, int((ends - index).max(initial=1))):
        here = index[(index + ahead < ends) & (taken < fan)]
        there = here + ahead
        good = (np.abs(found.bin[there] - found.bin[here]) <= _MAX_STEP) & (
            found.frame[there] - found.frame[here] >= _MIN_STEP
        )
        firsts.append(here[good])
        seconds.append(there[good])
        taken[here[good]] += 1
    first = np.concatenate(firsts) if firsts else np.zeros(0, np.int64)
    second = np.concatenate(seconds) if seconds else np.zeros(0, np.int64)
    order = np.lexsort((second, first))
    return first[order], second[order]


def _spectrogram(samples: NDArray[np.float32], tuning: float) -> NDArray[np.float32]:
    """(frames, BINS) float32 dB; frame n is centred on sample n * HOP + 1024."""
    if samples.size < _FFT:
        return np.zeros((0, BINS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, _FFT)[::HOP]
    window = np.hanning(_FFT).astype(np.float32)
    bank = _bank(tuning)
    out = np.empty((len(frames), BINS), np.float32)
    for start in range(0, len(frames), _BLOCK):
        spectrum = np.fft.rfft(frames[start : start + _BLOCK] * window)
        magnitude = np.abs(spectrum).astype(np.float32)
        out[start : start + _BLOCK] = 20 * np.log10((bank @ magnitude.T).T + 1e-6)
    return out


@functools.cache
def _bank(tuning: float) -> sparse.csr_matrix:
    """Triangles on a logarithmic axis (BINS, 1025), never narrower than the spectrogram's own resolution."""
    centres = _LOWEST * 2 ** ((np.arange(BINS) + tuning) / BINS_PER_OCTAVE)
    hertz = np.arange(_FFT // 2 + 1) * RATE / _FFT
    half = np.maximum(centres * (2 ** (1 / BINS_PER_OCTAVE) - 1), RATE / _FFT)[:, None]
    weights = np.maximum(0, 1 - np.abs(hertz[None] - centres[:, None]) / half)
    return sparse.csr_matrix((weights / weights.sum(1, keepdims=True)).astype(np.float32))
