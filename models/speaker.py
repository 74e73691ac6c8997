"""CAM++ speaker embedding (Wang et al., Interspeech 2023), Chinese and English, from 3D-Speaker."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.filterbank import filterbank
from models.onnx_session import open_session

#: name and version that signals carry as their source
SOURCE = "campplus@zh-en-common"
SAMPLE_RATE = 16000
DIMENSIONS = 192
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
