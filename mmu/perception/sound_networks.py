"""The networks that say what is heard at each moment, loaded together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmu.perception.sound_classes import STEP, Opinions
from models import ina_segmenter, omni_aed, voice_activity
from models.ina_segmenter import InaSegmenter, log_mel
from models.omni_aed import OmniAED
from models.voice_activity import VoiceActivity

if TYPE_CHECKING:
    from models.store import Store

RATE = 16000
#: name and version that signals carry as their source
SOURCE = "+".join((voice_activity.SOURCE, omni_aed.SOURCE, ina_segmenter.TASKS["smn"][0]))
#: what of it lies in the store
MODELS = ("ina-smn",)


class SoundNetworks:
    """Voice activity, event detector and broadcast segmenter, asked about one piece of sound at a time."""

    def __init__(self, store: Store, *, threads: int = 1) -> None:
        """Load the networks.

        Raises:
            ModelError: weights are missing.
        """
        self._voice = VoiceActivity(threads=threads)
        self._events = OmniAED()
        self._broad = InaSegmenter(store.file("ina-smn"), "smn", threads=threads)

    def close(self) -> None:
        """Give back what the native library holds."""
        self._events.close()

    def opinions(self, samples: NDArray[np.float32]) -> Opinions:
        """What each says of (n,) float32 mono at 16 kHz, a row every 0.1 s."""
        size = int(STEP * RATE)
        count = -(-len(samples) // size)
        padded = np.pad(samples, (0, count * size - len(samples)))
        power = (padded.reshape(count, size).astype(np.float64) ** 2).mean(axis=1)
        level = 10 * np.log10(np.maximum(power, 1e-12))
        hop = voice_activity.HOP / RATE
        return Opinions(
            _resample(self._voice.probabilities(samples)[:, None], hop, count)[:, 0],
            _resample(self._events.probabilities(samples), omni_aed.FRAME, count),
            _resample(
                self._broad.probabilities(log_mel(samples), step=round(STEP / ina_segmenter.FRAME)),
                STEP,
                count,
            ),
            level.astype(np.float32),
        )


def _resample(rows: NDArray[np.float32], hop: float, count: int) -> NDArray[np.float32]:
    """Mean of the rows that fall into each of `count` steps; the last row goes on to the end."""
    if not len(rows):
        return np.zeros((count, rows.shape[1]), np.float32)
    edges = np.minimum((np.arange(count + 1) * STEP / hop).astype(int), len(rows))
    sums = np.concatenate([np.zeros((1, rows.shape[1])), np.cumsum(rows, axis=0, dtype=np.float64)])
    size = edges[1:] - edges[:-1]
    mean = (sums[edges[1:]] - sums[edges[:-1]]) / np.maximum(size, 1)[:, None]
    nearest = rows[np.minimum(edges[:-1], len(rows) - 1)]
    return np.asarray(np.where(size[:, None] > 0, mean, nearest), np.float32)
