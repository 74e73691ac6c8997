"""`Clip`: a lazy view of one video, decoded once and shared by all stages.

The decode worker spools sampled frames and resampled audio to a private
temporary folder; a clip reads them back on demand, so memory does not grow
with the length of the video.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Frame(NamedTuple):
    """One sampled frame: data never travels without its time."""

    index: int
    time: float
    #: (h, w, 3) uint8 BGR, upright, at most `max_side` pixels on its long side
    image: NDArray[np.uint8]


class AudioWindow(NamedTuple):
    start: float
    #: (n,) float32 at 16 kHz, (n, 2) float32 at 44.1 kHz, in [-1, 1]
    samples: NDArray[np.float32]
