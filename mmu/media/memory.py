"""Facts and statistics of a clip that is given as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.errors import MediaError
from mmu.media.cuts import CutDetector
from mmu.media.dense import COLUMNS, Dense, DenseMeter, small_size
from mmu.media.sampler import change, thumbnail
from mmu.media.spool import ArraySound
from mmu.report.schema import AudioStream, MediaFacts, VideoStream

Pairs = Sequence[tuple[float, NDArray[np.uint8]]]


def memory_facts(pairs: Pairs, sound: ArraySound, rate: int, fps: float | None, uri: str) -> MediaFacts:
    """Facts of frames and audio in memory.

    Raises:
        MediaError: nothing given, or frames that are not of one size, BGR and in order of time.
    """
    if not pairs and not sound.seconds:
        raise MediaError("a clip needs frames or audio", code="bad_arrays")
    times = [t for t, _ in pairs]
    if any(b <= a for a, b in pairwise(times)) or (times and times[0] < 0):
        raise MediaError("frame times must rise and not be negative", code="bad_arrays")
    video, end = None, 0.0
    if pairs:
        shape = pairs[0][1].shape
        if any(i.shape != shape or i.dtype != np.uint8 for _, i in pairs) or shape[2:] != (3,):
            raise MediaError("frames must be (h, w, 3) uint8 of one size", code="bad_arrays")
        if fps is None:
            fps = 1 / float(np.median(np.diff(times))) if len(times) > 1 else 25.0
        end = times[-1] + 1 / fps
        video = VideoStream(
            codec="raw",
            width=shape[1],
            height=shape[0],
            fps=fps,
            pixel_format="bgr24",
            frames_decoded=len(pairs),
        )
    audio = None
    if sound.seconds:
        audio = AudioStream(codec="raw", sample_rate=rate, channels=sound.channels, seconds=sound.seconds)
    return MediaFacts(
        uri=uri,
        bytes=0,
        container="memory",
        duration=max(end, sound.seconds),
        video=video,
        audio=audio,
        frames_sampled=len(pairs),
    )


def measure_frames(pairs: Pairs) -> tuple[Dense, NDArray[np.float32], NDArray[np.float64]]:
    """(dense statistics, change to the frame before, times of cuts) of frames in memory."""
    meter, detector = DenseMeter(), CutDetector()
    rows, changes, cuts = [], [], []
    before: NDArray[np.uint8] | None = None
    for time, image in pairs:
        size = small_size(image.shape[1], image.shape[0])
        row = meter.measure(np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8))
        rows.append((time, *row))
        thumb = thumbnail(meter.grey)
        changes.append(1.0 if before is None else change(thumb, before))
        before = thumb
        cut = detector.push(time, row[2], row[3], meter.layout)
        if cut is not None:
            cuts.append(cut)
    cuts += detector.flush()
    dense = Dense.from_rows(np.array(rows, np.float64).reshape(-1, len(COLUMNS)))
    return dense, np.array(changes, np.float32), np.array(cuts, np.float64)
