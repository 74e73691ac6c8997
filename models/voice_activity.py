"""Silero voice activity (Silero Team, v6), the ONNX file that ships inside faster-whisper."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from faster_whisper.utils import get_assets_path
from numpy.typing import NDArray

from models.onnx_session import open_session

#: name and version that signals carry as their source
SOURCE = "silero-vad@6"
SAMPLE_RATE = 16000
#: samples that one probability stands for
HOP = 512
_CONTEXT = 64
#: blocks in one call; the state is carried over, and longer ones only take memory
_BATCH = 512


class VoiceActivity:
    """Probability of speech for every 32 ms."""

    def __init__(self, *, threads: int = 1) -> None:
        """Load the network.

        Raises:
            ModelError: the file is missing from the installed faster-whisper, or cannot be run.
        """
        path = Path(get_assets_path()) / "silero_vad_v6.onnx"
        # The arena would keep the largest batch ever seen.
        self._session = open_session(path, threads=threads, arena=False)

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Speech probability over time.

        Args:
            samples: (n,) float32 mono at 16 kHz in [-1, 1].

        Returns:
            (ceil(n / 512),) float32; entry i stands for samples 512 i to 512 (i + 1).
        """
        if not samples.size:
            return np.empty(0, np.float32)
        count = -(-samples.size // HOP)
        blocks = np.zeros((count, HOP), np.float32)
        blocks.reshape(-1)[: samples.size] = samples
        # Each block is seen together with the last samples of the one before.
        before = np.zeros((count, _CONTEXT), np.float32)
        before[1:] = blocks[:-1, -_CONTEXT:]
        inputs = np.concatenate([before, blocks], axis=1)
        hidden = np.zeros((1, 1, 128), np.float32)
        cell = np.zeros((1, 1, 128), np.float32)
        out: list[NDArray[np.float32]] = []
        for start in range(0, count, _BATCH):
            result, hidden, cell = self._session.run(
                None, {"input": inputs[start : start + _BATCH], "h": hidden, "c": cell}
            )
            out.append(np.asarray(result, np.float32).reshape(-1))
        return np.concatenate(out)
