"""musicnn (Pons and Serra, ISMIR 2019 LBD): tags of music after MagnaTagATune or the Million Song Dataset."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

SAMPLE_RATE = 16000
#: seconds that one decision hears
PATCH_SECONDS = 3.0
_PATCH, _FFT, _HOP, _MELS = 187, 512, 256, 96

Dataset = Literal["mtt", "msd"]
#: names of the tags, in the order of the outputs
TAGS: dict[Dataset, tuple[str, ...]] = {
    "mtt": (
        "guitar", "classical", "slow", "techno", "strings", "drums", "electronic", "rock", "fast", "piano",
        "ambient", "beat", "violin", "vocal", "synth", "female", "indian", "opera", "male", "singing",
        "vocals", "no vocals", "harpsichord", "loud", "quiet", "flute", "woman", "male vocal", "no vocal",
        "pop", "soft", "sitar", "solo", "man", "classic", "choir", "voice", "new age", "dance", "male voice",
        "female vocal", "beats", "harp", "cello", "no voice", "weird", "country", "metal", "female voice",
        "choral",
    ),
    "msd": (
        "rock", "pop", "alternative", "indie", "electronic", "female vocalists", "dance", "00s",
        "alternative rock", "jazz", "beautiful", "metal", "chillout", "male vocalists", "classic rock",
        "soul", "indie rock", "mellow", "electronica", "80s", "folk", "90s", "chill", "instrumental", "punk",
        "oldies", "blues", "hard rock", "ambient", "acoustic", "experimental", "female vocalist", "guitar",
        "hip hop", "70s", "party", "country", "easy listening", "sexy", "catchy", "funk", "electro",
        "heavy metal", "progressive rock", "60s", "rnb", "indie pop", "sad", "house", "happy",
    ),
}  # fmt: skip


class MusicNN:
    """Tag probabilities of three-second pieces of music."""

    def __init__(self, path: Path | str, dataset: Dataset, *, threads: int = 1) -> None:
        """Load the network.

        Raises:
            ModelError: the file is missing or ONNX Runtime refuses it.
        """
        self.source = f"musicnn-{dataset}@0.1.0"
        self.tags = TAGS[dataset]
        self._session = open_session(path, threads=threads, arena=False)

    def probabilities(self, patches: NDArray[np.float32]) -> NDArray[np.float32]:
        """(n, 50) float32 tag probabilities of (n, 187, 96) patches made by `patches`."""
        out = [
            np.asarray(self._session.run(["tags"], {"mel": patch[None]})[0][0], np.float32)
            for patch in patches
        ]
        return np.stack(out) if out else np.empty((0, len(self.tags)), np.float32)


def patches(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mel patches of music, which both networks take.

    Args:
        samples: (n,) float32 mono at 16 kHz; what is left over at the end is not looked at, and less than
            3 s is repeated until it is enough.

    Returns:
        (n, 187, 96) float32 log10(1 + 10000 mel power).
    """
    if not samples.size:
        return np.empty((0, _PATCH, _MELS), np.float32)
    needed = (_PATCH - 1) * _HOP
    if samples.size < needed:
        samples = np.resize(samples, needed)
    padded = np.pad(samples.astype(np.float32), _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::_HOP]
    count = len(frames) // _PATCH
    # Periodic Hann, as librosa's spectrogram has it.
    window = np.hanning(_FFT + 1)[:-1].astype(np.float32)
    out = np.empty((count, _PATCH, _MELS), np.float32)
    for index in range(count):
        spectrum = np.fft.rfft(frames[index * _PATCH : (index + 1) * _PATCH] * window)
        power = (spectrum.real**2 + spectrum.imag**2).astype(np.float32)
        out[index] = np.log10(1 + 10000 * (power @ _mel_bands().T))
    return out


@functools.cache
def _mel_bands() -> NDArray[np.float32]:
    """(96, 257) float32 mel bands of unit area on Slaney's scale (linear to 1 kHz, then logarithmic)."""
    top = 15 + 27 * np.log(SAMPLE_RATE / 2 / 1000) / np.log(6.4)
    mel = np.linspace(0, top, _MELS + 2)
    edges = np.where(mel < 15, mel * 200 / 3, 1000 * np.exp(np.log(6.4) / 27 * (mel - 15)))
    hertz = np.arange(_FFT // 2 + 1) * SAMPLE_RATE / _FFT
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    triangles = np.minimum((hertz - low) / (centre - low), (high - hertz) / (high - centre))
    return np.asarray(np.maximum(triangles, 0) * 2 / (high - low), np.float32)
