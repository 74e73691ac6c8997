"""SwiftF0 (Nieradzik, 2025): fundamental frequency of a voice or a single instrument."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

SAMPLE_RATE = 16000
HOP = 256
#: seconds from one estimate to the next
FRAME_SECONDS = HOP / SAMPLE_RATE
#: Hz that the network tells apart
LOWEST, HIGHEST = 46.875, 2093.75
#: confidence from which a frame counts as voiced
VOICED = 0.5
#: peak below which a hop is silence: the network has never seen that and answers at random
_SILENCE = 1e-3
#: hops at once, and those on either side that a hop's estimate depends on
_WINDOW, _CONTEXT = 3750, 12


class Pitch(NamedTuple):
    """Estimates every 16 ms, the first at 0 s: parallel (n,) float32 arrays."""

    hertz: NDArray[np.float32]
    #: 0..1, voiced from 0.5
    confidence: NDArray[np.float32]


class SwiftF0:
    """Fundamental frequency with confidence."""

    source = "swift-f0@0.3.0"

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load the network.

        Raises:
            ModelError: the file is missing or ONNX Runtime refuses it.
        """
        self._session = open_session(path, threads=threads, arena=False)

    def track(
        self, samples: NDArray[np.float32], *, lowest: float = LOWEST, highest: float = HIGHEST
    ) -> Pitch:
        """Estimate the pitch of (n,) float32 mono at 16 kHz, any length, a minute at a time.

        Args:
            samples: the audio.
            lowest: Hz below which no pitch is looked for.
            highest: Hz above which none is.

        Raises:
            ValueError: not `LOWEST <= lowest < highest <= HIGHEST`.
        """
        if not LOWEST <= lowest < highest <= HIGHEST:
            raise ValueError(f"the range {lowest:g} to {highest:g} Hz is not within {LOWEST} to {HIGHEST}")
        count = samples.size // HOP
        hertz, confidence = np.zeros(count, np.float32), np.zeros(count, np.float32)
        for start in range(0, count, _WINDOW):
            stop = min(start + _WINDOW, count)
            first = max(0, start - _CONTEXT)
            piece = samples[first * HOP : min(stop + _CONTEXT, count) * HOP]
            inputs = {"audio": piece[None], "fmin": np.float32(lowest), "fmax": np.float32(highest)}
            pitch, sure = self._session.run(
                ["pitch", "confidence"],
                {name: np.asarray(value, np.float32) for name, value in inputs.items()},
            )
            hertz[start:stop] = pitch[0, start - first : stop - first]
            confidence[start:stop] = sure[0, start - first : stop - first]
        peaks = np.abs(samples[: count * HOP]).reshape(count, HOP).max(axis=1, initial=0)
        confidence[peaks < _SILENCE] = 0
        return Pitch(hertz, confidence)
