"""The picture side of the decode pass: statistics of every frame, and the sampled frames."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.media.cuts import CutDetector
from mmu.media.dense import DenseMeter, small_size
from mmu.media.picture import Converter, clockwise, fitted_size, is_hdr, upright
from mmu.media.sampler import Sampler, change, thumbnail

_Picture = Callable[[], NDArray[np.uint8]]

#: A step back in time by more than this is a clock that was reset.
RESET = 1.0
#: A step forward by more than this is a broken timestamp.
MAX_GAP = 3600.0


class PictureTrack:
    """Takes decoded frames in order; spools statistics (`dense.f64`) and pictures (`frames.bgr`)."""

    def __init__(self, folder: Path, options: dict[str, Any], frame_rate: float | None) -> None:
        self.sampler = Sampler(
            interval=options["interval"],
            min_gap=options["min_gap"],
            change=options["change"],
            max_frames=options["max_frames"],
        )
        self.cuts: list[float] = []
        self.first: float | None = None
        self.end = 0.0
        self.decoded = 0
        self.damaged = 0
        self.size: tuple[int, int] | None = None  # (width, height) of the spooled pictures, upright
        self.source: dict[str, Any] = {}
        self.rows = 0
        self._max_side = options["max_side"]
        self._max_pixels = options["max_pixels"]
        self._nominal = 1.0 / frame_rate if frame_rate else 0.04
        self._offset = 0.0
        self._last = float("-inf")
        self._small = Converter("FAST_BILINEAR", options["threads"])
        self._full = Converter("BICUBIC", options["threads"])
        self._meter = DenseMeter()
        self._detector = CutDetector(sparse=options["keyframes_only"])
        self._dense = (folder / "dense.f64").open("wb")
        self._frames = (folder / "frames.bgr").open("wb")
        self._pending: tuple[float, NDArray[np.uint8], _Picture] | None = None

    def push(self, frame: av.VideoFrame) -> float:
        """Add a frame; its time in the container's clock."""
        if frame.width * frame.height > self._max_pixels:
            raise PixelLimitError(frame.width, frame.height, self._max_pixels)
        self.decoded += 1
        self.damaged += bool(frame.is_corrupt)
        time, duration = self._clock(frame)
        if self.first is None:
            self.first = time
            self._describe(frame)
        if time <= self._last:
            return time  # a second picture for the same instant
        self._last = time
        self.end = max(self.end, time + duration)
        rotation = clockwise(frame)
        small = self._small.bgr(frame, small_size(frame.width, frame.height))
        self._look(time, upright(small, rotation), lambda: self._converted(frame))
        return time

    def push_image(self, image: NDArray[np.uint8], duration: float) -> None:
        """Add a picture of an animation, (h, w, 3) uint8 BGR, shown for `duration` seconds."""
        time = self.end
        self.end = time + duration
        self.decoded += 1
        height, width = image.shape[:2]
        if self.first is None:
            self.first = time
            self.size = fitted_size(width, height, self._max_side)
            self.source = {"width": width, "height": height, "pixel_format": "bgr24"}
        self._look(time, _shrunk(image, small_size(width, height)), lambda: self._fitted(image))

    def push_still(self, image: NDArray[np.uint8], source: dict[str, Any]) -> None:
        """Add the one picture of a still file, (h, w, 3) uint8 BGR, upright."""
        self.push_image(image, 0.0)
        self.source = source

    def finish(self) -> None:
        """Judge the last frames; a shot that began in them gets its frame."""
        late = self._detector.flush()
        self.cuts += late
        if late and self._pending is not None:
            time, thumb, picture = self._pending
            self._store(self.sampler.keep(time, thumb, anchor=True), picture())
        self.flush()

    def flush(self) -> None:
        """Bring everything so far into the files."""
        self._dense.flush()
        self._frames.flush()

    def samples(self) -> list[list[float]]:
        """[time, slot, change to the sample before] of every kept frame."""
        out = []
        before = None
        for sample in self.sampler.samples:
            moved = 1.0 if before is None else change(sample.thumb, before)
            out.append([sample.time, sample.slot, round(moved, 5)])
            before = sample.thumb
        return out

    def _clock(self, frame: av.VideoFrame) -> tuple[float, float]:
        base = float(frame.time_base or 0)
        duration = (frame.duration or 0) * base
        if frame.pts is None:
            time = self.end if self.first is not None else 0.0
        else:
            time = frame.pts * base + self._offset
            if self.first is not None and (time < self._last - RESET or time > self.end + MAX_GAP):
                self._offset += self.end - time
                time = self.end
        return time, duration or min(self._nominal, 0.1)

    def _describe(self, frame: av.VideoFrame) -> None:
        rotation = clockwise(frame)
        width, height = frame.width, frame.height
        if rotation in (90, 270):
            width, height = height, width
        self.size = fitted_size(width, height, self._max_side)
        depth = max((c.bits for c in frame.format.components), default=8)
        self.source = {
            "width": width,
            "height": height,
            "rotation": rotation,
            "pixel_format": frame.format.name,
            "bit_depth": depth,
            "hdr": is_hdr(frame),
        }

    def _look(self, time: float, small: NDArray[np.uint8], picture: _Picture) -> None:
        """Measure a frame by its small copy; `picture` makes the full one when it is to be kept."""
        row = self._meter.measure(small)
        self._dense.write(np.array([time, *row], np.float64).tobytes())
        self.rows += 1
        cut = self._detector.push(time, row[2], row[3], self._meter.layout)
        if cut is not None:
            self.cuts.append(cut)
        thumb = thumbnail(self._meter.grey)
        self._pending = None
        if self.sampler.wants(time, thumb, anchor=cut is not None):
            self._store(self.sampler.keep(time, thumb, anchor=cut is not None), picture())
        else:
            self._pending = (time, thumb, picture)

    def _converted(self, frame: av.VideoFrame) -> NDArray[np.uint8]:
        assert self.size is not None
        rotation = clockwise(frame)
        # A stream may change its size part-way: every spooled picture has the size of the first.
        width, height = self.size[::-1] if rotation in (90, 270) else self.size
        return upright(self._full.bgr(frame, (width, height)), rotation)

    def _fitted(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        assert self.size is not None
        return _shrunk(image, self.size)

    def _store(self, slot: int, image: NDArray[np.uint8]) -> None:
        self._frames.seek(slot * image.nbytes)
        self._frames.write(np.ascontiguousarray(image).data)


def _shrunk(image: NDArray[np.uint8], size: tuple[int, int]) -> NDArray[np.uint8]:
    if image.shape[1::-1] == size:
        return image
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


class PixelLimitError(Exception):
    """A decoded picture is larger than allowed."""

    def __init__(self, width: int, height: int, limit: int) -> None:
        super().__init__(f"the picture is too large: {width} x {height} pixels, the limit is {limit} in all")
