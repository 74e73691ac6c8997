"""Kaldi's log-mel filterbank, which networks of speech are trained on."""

from __future__ import annotations

import functools
from typing import Literal

import numpy as np
from numpy.typing import NDArray

SAMPLE_RATE = 16000
_WINDOW, _HOP, _FFT, _BANDS = 400, 160, 512, 80
_LOW, _HIGH = 20.0, 8000.0


def filterbank(
    samples: NDArray[np.float32], *, window: Literal["povey", "hamming"] = "povey"
) -> NDArray[np.float32]:
    """Kaldi's log-mel filterbank of 16-bit scale without dither: (frames, 80) float32, 25 ms every 10 ms.

    Args:
        samples: (n,) float32 mono at 16 kHz in [-1, 1].
        window: of each frame; Povey's is Hann's to the power of 0.85.
    """
    if samples.size < _WINDOW:
        return np.empty((0, _BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples * np.float32(32768), _WINDOW)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - np.float32(0.97) * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    shape = np.hanning(_WINDOW) ** 0.85 if window == "povey" else np.hamming(_WINDOW)
    spectrum = np.fft.rfft(frames * shape.astype(np.float32), _FFT)
    power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
    return np.asarray(np.log(np.maximum(power @ _mel_bands().T, np.finfo(np.float32).eps)), np.float32)


@functools.cache
def _mel_bands() -> NDArray[np.float32]:
    """(80, 257) float32 bands, triangular on the mel scale itself."""

    def mel(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
        return np.asarray(1127 * np.log1p(np.asarray(hertz) / 700), np.float64)

    edges = np.linspace(mel(_LOW), mel(_HIGH), _BANDS + 2)
    bins = mel(np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.asarray(np.maximum(triangles, 0), np.float32)
