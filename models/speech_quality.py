"""DNSMOS P.835 (Reddy et al., ICASSP 2022): how listeners would rate speech, its noise, and the whole."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

#: name and version that signals carry as their source
SOURCE = "dnsmos@p835"
SAMPLE_RATE = 16000
#: the network hears exactly this many seconds
SECONDS = 9.01
_SIZE = 144160
#: the published map from the outputs to mean opinion scores, highest power first
_MAPS = (
    (-0.08397278, 1.22083953, 0.0052439),
    (-0.13166888, 1.60915514, -0.39604546),
    (-0.06766283, 1.11546468, 0.04602535),
)


class SpeechScores(NamedTuple):
    """Mean opinion scores from 1 (bad) to 5 (excellent)."""

    #: the voice itself
    signal: float
    #: how little the background disturbs
    background: float
    overall: float


class SpeechQuality:
    """Opinion scores of nine seconds of speech."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load the network.

        Raises:
            ModelError: the file is missing or ONNX Runtime refuses it.
        """
        self._session = open_session(path, threads=threads, arena=False)

    def score(self, samples: NDArray[np.float32]) -> SpeechScores:
        """Rate (n,) float32 mono at 16 kHz; what is shorter than nine seconds is repeated.

        Raises:
            ValueError: there are no samples.
        """
        if not samples.size:
            raise ValueError("no samples to rate")
        heard = np.resize(samples, _SIZE) if samples.size < _SIZE else samples[:_SIZE]
        raw = self._session.run(None, {"input_1": heard[None].astype(np.float32)})[0][0]
        scores = [float(np.polyval(map_, value)) for map_, value in zip(_MAPS, raw, strict=True)]
        return SpeechScores(*(float(np.clip(one, 1, 5)) for one in scores))
