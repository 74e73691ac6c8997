"""CAM++ speaker embedding (Wang et al., Interspeech 2023), Chinese and English, from 3D-Speaker."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

#: name and version that signals carry as their source
SOURCE = "campplus@zh-en-common"
SAMPLE_RATE = 16000
DIMENSIONS = 192
_WINDOW, _HOP, _FFT, _BANDS = 400, 160, 512, 80
_LOW, _HIGH = 20.0, 8000.0
_LEAST_FRAMES = 20


class SpeakerEmbedder:
    """Turns a piece of one voice into a vector; vectors of one speaker point the same way."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load the network.

        Raises:
            ModelError: the file is missing or ONNX Runtime refuses it.
        """
        self._session = open_session(path, threads=threads, arena=False)

    def embed(self, samples: NDArray[np.float32]) -> NDArray[np.float32] | None:
        """(192,) float32, L2-normalised; None under a quarter of a second.

        Args:
            samples: (n,) float32 mono at 16 kHz in [-1, 1]; two to six seconds are best.
        """
        features = filterbank(samples)
        if len(features) < _LEAST_FRAMES:
            return None
        features = features - features.mean(axis=0)
        found = np.asarray(self._session.run(None, {"features": features[None]})[0], np.float32).reshape(-1)
        return np.asarray(found / max(float(np.linalg.norm(found)), 1e-9), np.float32)


def filterbank(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Kaldi's log-mel filterbank of 16-bit scale without dither: (frames, 80) float32, 25 ms every 10 ms.

    Args:
        samples: (n,) float32 mono at 16 kHz in [-1, 1].
    """
    if samples.size < _WINDOW:
        return np.empty((0, _BANDS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples * np.float32(32768), _WINDOW)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    frames = frames - np.float32(0.97) * np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    # Povey's window: Hann to the power of 0.85.
    window = (np.hanning(_WINDOW) ** 0.85).astype(np.float32)
    spectrum = np.fft.rfft(frames * window, _FFT)
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
