"""Spleeter, two stems (Hennequin et al., JOSS 2020): voice and accompaniment, any length in little memory.

Both networks estimate magnitudes of an STFT; the share of one's square in the
sum of both is the mask on the mixture, so the two stems always add up to it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from models.onnx_session import open_session

SAMPLE_RATE = 44100
_FFT, _HOP = 4096, 1024
#: frames and lowest bins that the networks see at once
_FRAMES, _BINS = 512, 1024
_OVERLAP = _FFT - _HOP
#: sum of the squared windows that cover one sample
_GAIN = 1.5
FloatArray = NDArray[np.float32]


class Stems(NamedTuple):
    """Two stems of the same (n, 2) float32 stereo samples at 44.1 kHz; their sum is the mixture."""

    vocals: FloatArray
    accompaniment: FloatArray


class Separator(Protocol):
    """What separates voice from accompaniment: Spleeter here, HT-Demucs in `models.torch.demucs`."""

    source: str

    def separate(self, samples: FloatArray) -> Stems:
        """Separate (n, 2) float32 stereo at 44.1 kHz that is in memory."""

    def stream(self, blocks: Iterable[FloatArray]) -> Iterator[Stems]:
        """Separate a stream of (n, 2) blocks of any sizes; what comes out has the same total length."""


class Spleeter:
    """Separates voice from accompaniment."""

    source = "spleeter@2stems"

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load both networks.

        Raises:
            ModelError: the file is missing or ONNX Runtime refuses it.
        """
        self._session = open_session(path, threads=threads, arena=False)
        self._threads = threads
        # Periodic Hann, as the networks were trained with.
        self._window = np.hanning(_FFT + 1)[:-1].astype(np.float32)

    def separate(self, samples: FloatArray) -> Stems:
        """Separate (n, 2) float32 stereo at 44.1 kHz that is in memory; give mono twice."""
        parts = list(self.stream([samples]))
        empty = np.zeros((0, 2), np.float32)
        return Stems(
            np.concatenate([part.vocals for part in parts] or [empty]),
            np.concatenate([part.accompaniment for part in parts] or [empty]),
        )

    def stream(self, blocks: Iterable[FloatArray]) -> Iterator[Stems]:
        """Separate a stream of (n, 2) blocks of any sizes; what comes out has the same total length."""
        tails = np.zeros((2, _OVERLAP, 2), np.float32)
        # The first real sample must be covered by as many windows as all others.
        skip, owed = _OVERLAP, 0
        for piece, count in _pieces(blocks):
            owed += count
            spectrum = self._spectrum(piece)
            share = self._share(np.abs(spectrum[..., :_BINS]))
            out = np.empty((2, _FRAMES * _HOP, 2), np.float32)
            for stem, mask in enumerate((share, 1 - share)):
                full = np.zeros((_FRAMES * _HOP + _OVERLAP, 2), np.float32)
                full[:_OVERLAP] = tails[stem]
                self._overlap_add(spectrum, mask, full)
                out[stem], tails[stem] = full[:-_OVERLAP], full[-_OVERLAP:]
            out = out[:, skip:]
            ready = min(owed, out.shape[1])
            skip, owed = 0, owed - ready
            yield Stems(out[0, :ready], out[1, :ready])

    def _spectrum(self, piece: FloatArray) -> NDArray[np.complex64]:
        """(2, 512, 2049) complex64 of (512 * 1024 + 3072, 2) samples."""
        frames = np.lib.stride_tricks.sliding_window_view(piece, _FFT, axis=0)[::_HOP]
        windowed = frames.transpose(1, 0, 2) * self._window
        return np.asarray(fft.rfft(windowed, axis=-1, workers=self._threads), np.complex64)

    def _share(self, magnitude: FloatArray) -> FloatArray:
        """(2, 512, 2049) share of the voice; above 11 kHz, which the networks don't hear, its mean."""
        vocals, rest = self._session.run(["vocals", "accompaniment"], {"magnitude": magnitude[None]})
        voice, other = np.square(vocals[0]) + 5e-11, np.square(rest[0]) + 5e-11
        share = np.empty((2, _FRAMES, _FFT // 2 + 1), np.float32)
        share[..., :_BINS] = voice / (voice + other)
        share[..., _BINS:] = share[..., :_BINS].mean(axis=-1, keepdims=True)
        return share

    def _overlap_add(self, spectrum: NDArray[np.complex64], mask: FloatArray, out: FloatArray) -> None:
        frames = fft.irfft(spectrum * mask, axis=-1, workers=self._threads) * (self._window / _GAIN)
        for index in range(_FRAMES):
            out[index * _HOP : index * _HOP + _FFT] += frames[:, index].T


def _pieces(blocks: Iterable[FloatArray]) -> Iterator[tuple[FloatArray, int]]:
    """Overlapping pieces of 512 frames, and how many new samples of the stream came in since the last one."""
    length = _FRAMES * _HOP + _OVERLAP
    held = np.zeros((_OVERLAP, 2), np.float32)
    new = total = made = 0
    for block in blocks:
        held = np.concatenate([held, np.asarray(block, np.float32)])
        new += len(block)
        total += len(block)
        while len(held) >= length:
            yield held[:length], new
            held, new, made = held[length - _OVERLAP :], 0, made + 1
    # The last samples are complete only _OVERLAP later.
    while made * _FRAMES * _HOP < total + _OVERLAP and total:
        piece = np.zeros((length, 2), np.float32)
        piece[: len(held)] = held[:length]
        yield piece, new
        held, new, made = held[length - _OVERLAP :], 0, made + 1
