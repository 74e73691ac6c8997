"""Where a clip reads its pictures and its sound from: spool files or arrays."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mmu.errors import MediaError
from mmu.media.options import AUDIO_CHANNELS


class Pictures(Protocol):
    """Random access to the sampled pictures."""

    def read(self, index: int) -> NDArray[np.uint8]: ...

    def close(self) -> None: ...


class Sound(Protocol):
    """Random access to the audio, on the clip's own clock."""

    def read(self, rate: int, first: int, last: int) -> NDArray[np.float32]: ...


class SpoolPictures:
    """Raw BGR pictures of one size in the slots of a file, read by offset.

    Not memory-mapped: touched pages of a map would count as this process's memory.
    """

    def __init__(self, path: Path, size: tuple[int, int], slots: Sequence[int]) -> None:
        self._file = os.open(path, os.O_RDONLY)
        self._shape = (size[1], size[0], 3)
        self._slots = slots

    def read(self, index: int) -> NDArray[np.uint8]:
        image = np.empty(self._shape, np.uint8)
        offset = self._slots[index] * image.nbytes
        view = image.data.cast("B")
        done = 0
        while done < len(view):
            count = os.preadv(self._file, [view[done:]], offset + done)
            if count <= 0:
                raise MediaError(f"sampled frame {index} is missing from the spool", code="spool_lost")
            done += count
        return image

    def close(self) -> None:
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


class ArrayPictures:
    """Pictures held in memory."""

    def __init__(self, images: Sequence[NDArray[np.uint8]]) -> None:
        self._images = images

    def read(self, index: int) -> NDArray[np.uint8]:
        return self._images[index]

    def close(self) -> None:
        """Nothing to free."""


class SpoolSound:
    """16-bit samples in one file a rate; `start` is the clip's time of the first sample."""

    def __init__(self, folder: Path, start: float, counts: Mapping[int, int]) -> None:
        self._folder = folder
        self._start = start
        self._counts = counts

    def read(self, rate: int, first: int, last: int) -> NDArray[np.float32]:
        if rate not in self._counts:
            offered = ", ".join(map(str, sorted(self._counts))) or "none"
            raise MediaError(
                f"audio at {rate} Hz was not asked for when the clip was opened (asked for: {offered})",
                code="rate_not_decoded",
            )
        lead = round(self._start * rate)
        channels = AUDIO_CHANNELS[rate]
        out = np.zeros((last - first, channels), np.float32)
        begin, stop = max(first - lead, 0), min(last - lead, self._counts[rate])
        if stop > begin:
            path = self._folder / f"audio{rate}.s16"
            count, offset = (stop - begin) * channels, begin * channels * 2
            try:
                samples = np.fromfile(path, "<i2", count=count, offset=offset).reshape(-1, channels)
            except OSError as exc:
                raise MediaError(f"the audio is missing from the spool: {exc}", code="spool_lost") from exc
            at = begin + lead - first
            np.multiply(samples, np.float32(1 / 32768), out=out[at : at + len(samples)])
        return out[:, 0].copy() if channels == 1 else out


class LaterPictures:
    """Pictures of another clip from its picture `first` on; that clip closes them."""

    def __init__(self, whole: Pictures, first: int) -> None:
        self._whole = whole
        self._first = first

    def read(self, index: int) -> NDArray[np.uint8]:
        return self._whole.read(self._first + index)

    def close(self) -> None:
        """Nothing to free."""


class LaterSound:
    """Sound of another clip from `start` on, seconds."""

    def __init__(self, whole: Sound, start: float) -> None:
        self._whole = whole
        self._start = start

    def read(self, rate: int, first: int, last: int) -> NDArray[np.float32]:
        lead = round(self._start * rate)
        return self._whole.read(rate, first + lead, last + lead)


class ArraySound:
    """Samples held in memory, resampled when a rate is first asked for."""

    def __init__(self, samples: NDArray[np.floating] | NDArray[np.int16], rate: int) -> None:
        array = np.asarray(samples)
        if array.ndim not in (1, 2) or rate <= 0:
            raise MediaError(
                f"audio must be (n,) or (n, channels) at a positive rate, not {array.shape} at {rate}",
                code="bad_arrays",
            )
        scale = 1 / 32768 if array.dtype == np.int16 else 1.0
        self._samples = ((array[:, None] if array.ndim == 1 else array) * scale).astype(np.float32)
        self._rate = rate
        self._cache: dict[int, NDArray[np.float32]] = {}

    @property
    def seconds(self) -> float:
        return len(self._samples) / self._rate

    @property
    def channels(self) -> int:
        return int(self._samples.shape[1])

    def read(self, rate: int, first: int, last: int) -> NDArray[np.float32]:
        if rate not in self._cache:
            self._cache[rate] = self._resampled(rate)
        source = self._cache[rate]
        out = np.zeros((last - first, source.shape[1]), np.float32)
        part = source[first:last]
        out[: len(part)] = part
        return out[:, 0].copy() if source.shape[1] == 1 else out

    def _resampled(self, rate: int) -> NDArray[np.float32]:
        channels = AUDIO_CHANNELS[rate]
        mixed = self._samples
        if channels == 1:
            mixed = mixed.mean(axis=1, keepdims=True)
        elif mixed.shape[1] != channels:
            mixed = np.repeat(mixed.mean(axis=1, keepdims=True), channels, axis=1)
        if rate != self._rate:
            from math import gcd

            from scipy.signal import resample_poly

            common = gcd(rate, self._rate)
            mixed = resample_poly(mixed, rate // common, self._rate // common, axis=0)
        return np.asarray(mixed, np.float32)
