"""inaSpeechSegmenter (Doukhan et al., ICASSP 2018): speech, music or noise; female or male voice."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

SAMPLE_RATE = 16000
#: seconds between two feature frames, and seconds that one decision looks at
FRAME = 0.01
PATCH_FRAMES = 68
_WINDOW, _HOP, _FFT, _MELS = 400, 160, 512, 24
_LOW, _HIGH = 100.0, 8000.0
_BATCH = 64
#: log-mel of the rounding noise of 16-bit sound, in place of the -inf of digital silence
_QUIETEST = -21.7

Task = Literal["smn", "gender"]
#: network -> (name and version for signals, classes, mel bands that it looks at)
TASKS: dict[Task, tuple[str, tuple[str, ...], int]] = {
    "smn": ("ina-smn@0.6.8", ("speech", "music", "noise"), 21),
    "gender": ("ina-gender@0.6.8", ("female", "male"), 24),
}


def log_mel(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """The log-mel features that the networks were trained on.

    Frames of 25 ms every 10 ms, pre-emphasis of 0.97 within the frame, Hann window, power spectrum of 512
    points, 24 triangular HTK-mel bands of unit area from 100 Hz to 8 kHz, natural logarithm.

    Args:
        samples: (n,) float32 mono at 16 kHz in [-1, 1].

    Returns:
        (frames, 24) float32; empty when there is less than one frame. Digital silence is -inf.
    """
    if samples.size < _WINDOW:
        return np.empty((0, _MELS), np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples.astype(np.float32), _WINDOW)[::_HOP]
    out = np.empty((len(frames), _MELS), np.float32)
    window = np.hanning(_WINDOW).astype(np.float32)
    bands = _filters().T
    for start in range(0, len(frames), 4096):
        part = frames[start : start + 4096]
        shifted = np.concatenate([part[:, :1], part[:, :-1]], axis=1)
        spectrum = np.fft.rfft((part - np.float32(0.97) * shifted) * window, _FFT)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        with np.errstate(divide="ignore"):
            out[start : start + len(part)] = np.log(power @ bands)
    return out


def _filters() -> NDArray[np.float32]:
    """(24, 257) float32 triangular mel bands of unit area."""
    mel = np.linspace(2595 * np.log10(1 + _LOW / 700), 2595 * np.log10(1 + _HIGH / 700), _MELS + 2)
    edges = 700 * (10 ** (mel / 2595) - 1)
    hertz = np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre))
    # The networks never saw the last bin of a band: their training features left it out.
    last = np.floor(edges[2:] * _FFT / SAMPLE_RATE).astype(int)
    triangles[np.arange(_MELS), np.minimum(last, _FFT // 2)] = 0
    return (np.maximum(triangles, 0) * 2 / (high - low)).astype(np.float32)


class InaSegmenter:
    """One of the two networks, over time."""

    def __init__(self, path: Path | str, task: Task, *, threads: int = 1) -> None:
        """Load the network.

        Raises:
            ModelError: the file is missing or ONNX Runtime refuses it.
        """
        self.source, self.classes, self._bands = TASKS[task]
        self._session = open_session(path, threads=threads)
        self._input = self._session.get_inputs()[0].name

    def probabilities(self, mel: NDArray[np.float32], *, step: int = 10) -> NDArray[np.float32]:
        """Class probabilities over time.

        Args:
            mel: (frames, 24) float32, from `log_mel`.
            step: feature frames between two decisions; each looks at 68 frames around its own time.

        Returns:
            (ceil(frames / step), classes) float32; where the sound is digital silence all classes are
            equally likely.
        """
        count = -(-len(mel) // step)
        out = np.full((count, len(self.classes)), 1 / len(self.classes), np.float32)
        if not len(mel):
            return out
        half = PATCH_FRAMES // 2
        missing = max(0, PATCH_FRAMES - len(mel))
        padded = np.pad(mel[:, : self._bands], ((0, missing), (0, 0)), mode="edge")
        centres = np.arange(count) * step + step // 2
        starts = np.clip(centres - half, 0, len(padded) - PATCH_FRAMES)
        for first in range(0, count, _BATCH):
            index = starts[first : first + _BATCH]
            patches = padded[index[:, None] + np.arange(PATCH_FRAMES)]
            heard = (patches > _QUIETEST).any(axis=(1, 2))
            if not heard.any():
                continue
            patches = np.maximum(patches[heard], _QUIETEST)
            mean = patches.mean(axis=(1, 2), keepdims=True)
            deviation = np.maximum(patches.std(axis=(1, 2), keepdims=True), 1e-6)
            result = self._session.run(
                None, {self._input: ((patches - mean) / deviation).astype(np.float32)}
            )[0]
            out[first : first + len(index)][heard] = np.asarray(result, np.float32)
        return out
