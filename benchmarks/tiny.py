"""Tiny clips for counting rows rather than pixels."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np


def write_tiny(path: Path, *, seed: int, seconds: float = 0.4) -> Path:
    """An MPEG-4 clip of 64 x 48 pixels, 10 frames a second; other bytes for every seed."""
    noise = np.random.default_rng(seed)
    with av.open(str(path), "w") as media:
        stream = media.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for _ in range(max(1, round(seconds * 10))):
            picture = noise.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            media.mux(stream.encode(av.VideoFrame.from_ndarray(picture, "rgb24")))
        media.mux(stream.encode(None))
    return path
