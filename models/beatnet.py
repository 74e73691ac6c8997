"""BeatNet (Heydari et al., ISMIR 2021): how likely a beat or downbeat is in each frame of music.

Features follow madmom (Böck et al., 2016), as the network was trained on its spectrograms.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

#: name and version that signals carry as their source
SOURCE = "beatnet@1.1.3"
SAMPLE_RATE, FRAMES_PER_SECOND = 22050, 50
_SIZE, _HOP = int(0.064 * SAMPLE_RATE), SAMPLE_RATE // FRAMES_PER_SECOND
_BANDS_PER_OCTAVE, _LOWEST, _HIGHEST, _TUNING = 24, 30.0, 17000.0, 440.0
_BLOCK = 2048


class BeatNet:
    """Beats and downbeats frame by frame."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load the network.

        Raises:
            ModelError: the file is missing or ONNX Runtime refuses it.
        """
        self._session = open_session(path, threads=threads, arena=False, pattern=False)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """(frames, 2) float32: a beat that is no downbeat, a downbeat; frame i is at i / 50 seconds.

        Args:
            samples: (n,) float32 mono at 22.05 kHz.
        """
        if not samples.size:
            return np.zeros((0, 2), np.float32)
        found = self._session.run(None, {"features": features(samples)})[0]
        return np.asarray(found[:, :2], np.float32)


def features(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(frames, 272) float32: logarithm of 136 bands, and what each rose since the frame before."""
    frames = -(-samples.size // _HOP)
    padded = np.pad(samples, (_SIZE // 2, _SIZE + _HOP))
    windows = np.lib.stride_tricks.sliding_window_view(padded, _SIZE)[::_HOP][:frames]
    bands, hann = _filters(), np.hanning(_SIZE).astype(np.float32)
    levels = np.empty((frames, bands.shape[1]), np.float32)
    for first in range(0, frames, _BLOCK):
        part = np.abs(np.fft.rfft(windows[first : first + _BLOCK] * hann, axis=1)[:, : _SIZE // 2])
        levels[first : first + _BLOCK] = np.log10(part.astype(np.float32) @ bands + 1)
    rises = np.zeros_like(levels)
    rises[1:] = np.maximum(levels[1:] - levels[:-1], 0)
    return np.concatenate([levels, rises], axis=1)


@cache
def _filters() -> NDArray[np.float32]:
    """(bins, 136) triangles on a logarithmic scale, each with sum 1."""
    steps = np.arange(
        np.floor(np.log2(_LOWEST / _TUNING) * _BANDS_PER_OCTAVE),
        np.ceil(np.log2(_HIGHEST / _TUNING) * _BANDS_PER_OCTAVE),
    )
    hertz = _TUNING * 2.0 ** (steps / _BANDS_PER_OCTAVE)
    hertz = hertz[(hertz >= _LOWEST) & (hertz <= _HIGHEST)]
    # madmom takes the bins of an odd window for those of the even one below it
    bins = np.arange(_SIZE // 2) * SAMPLE_RATE / (_SIZE // 2 * 2)
    upper = np.clip(np.searchsorted(bins, hertz), 1, len(bins) - 1)
    nearest = np.unique(upper - (hertz - bins[upper - 1] < bins[upper] - hertz))
    table = np.zeros((len(bins), len(nearest) - 2), np.float32)
    for band, (start, centre, stop) in enumerate(zip(nearest, nearest[1:], nearest[2:], strict=False)):
        if stop - start < 2:
            centre, stop = start, start + 1
        table[start:centre, band] = np.linspace(0, 1, centre - start, endpoint=False)
        table[centre:stop, band] = np.linspace(1, 0, stop - centre, endpoint=False)
    return np.asarray(table / table.sum(axis=0), np.float32)
