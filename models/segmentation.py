"""Speaker segmentation (pyannote segmentation-3.0): who of up to three voices speaks when, and together."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.onnx_session import open_session

#: name and version that signals carry as their source
SOURCE = "pyannote-segmentation@3.0"
SAMPLE_RATE = 16000
#: the network hears this many seconds at once
WINDOW_SECONDS = 10.0
#: seconds between two frames, and from the start of the audio to the middle of the first
FRAME_SECONDS, FIRST_SECONDS = 270 / SAMPLE_RATE, 495 / SAMPLE_RATE
VOICES = 3
#: which of the three voices each class of the powerset means
_POWERSET = np.array(
    [[0, 0, 0], [1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0], [1, 0, 1], [0, 1, 1]], np.float32
)


class SpeakerSegmentation:
    """Tells voices apart within ten seconds; which voice of one window is which of another, it cannot say."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load the network.

        Raises:
            ModelError: the file is missing or ONNX Runtime refuses it.
        """
        self._session = open_session(path, threads=threads, arena=False)

    def voices(self, samples: NDArray[np.float32]) -> NDArray[np.float32]:
        """(frames, 3) float32 probability that each voice speaks, a frame every `FRAME_SECONDS`.

        Args:
            samples: (n,) float32 mono at 16 kHz; what is longer than `WINDOW_SECONDS` is not heard,
                what is shorter is padded, and the frames of the padding are left out.
        """
        size = round(WINDOW_SECONDS * SAMPLE_RATE)
        heard = min(samples.size, size)
        padded = np.zeros((1, 1, size), np.float32)
        padded[0, 0, :heard] = samples[:size]
        classes = np.exp(self._session.run(["classes"], {"samples": padded})[0][0])
        frames = min(len(classes), max(0, int(np.ceil(heard / SAMPLE_RATE / FRAME_SECONDS))))
        return np.asarray(classes[:frames] @ _POWERSET, np.float32)
