"""A recording without its voices: music under loud speech is recognised better from that."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from mmu.media.clip import Clip
from models.separation import SAMPLE_RATE, Spleeter
from models.store import Store

#: 44.1 kHz to 16 kHz
_UP, _DOWN = 160, 441


def accompaniment(
    clip: Clip, pieces: Iterable[tuple[float, float]], *, threads: int = 1
) -> Iterator[tuple[float, NDArray[np.float32]]]:
    """Each piece's start and its accompaniment, (n,) float32 mono at 16 kHz.

    Args:
        clip: opened with the audio rate 44100.
        pieces: start and end in seconds.
        threads: for the networks.

    Raises:
        ModelError: the networks were not pulled.
    """
    separator = Spleeter(Store().file("spleeter-2stems"), threads=threads)
    for start, end in pieces:
        yield start, without_voice(separator, clip.audio(SAMPLE_RATE, start, end))


def without_voice(separator: Spleeter, stereo: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) float32 mono at 16 kHz: the accompaniment of (m, 2) float32 at 44.1 kHz."""
    mono = separator.separate(stereo).accompaniment.mean(axis=1)
    return np.asarray(signal.resample_poly(mono, _UP, _DOWN), np.float32)


def voice(clip: Clip, *, threads: int = 1) -> NDArray[np.float32]:
    """(n,) float32 mono at 16 kHz: the voice of a whole clip that was opened with the audio rate 44100.

    Raises:
        ModelError: the networks were not pulled.
    """
    separator = Spleeter(Store().file("spleeter-2stems"), threads=threads)
    blocks = (window.samples for window in clip.audio_windows(SAMPLE_RATE, seconds=24.0))
    parts = [stems.vocals.mean(axis=1) for stems in separator.stream(blocks)]
    if not parts:
        return np.zeros(0, np.float32)
    return np.asarray(signal.resample_poly(np.concatenate(parts), _UP, _DOWN), np.float32)
