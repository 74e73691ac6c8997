"""Copies: altered clips looked up in an index of originals, and how look-up grows with the index."""

from __future__ import annotations

import resource
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.transforms import TRANSFORMS, read_pictures, write_clip
from mmu.originals.fingerprint import VIEWS, Fingerprint, fingerprint_file
from mmu.originals.store import Originals

#: side of the square of lowest waves that a synthetic picture is made of
_WAVES = 16


class Looked(NamedTuple):
    """What the index said of one altered clip."""

    clip: str
    transform: str
    #: the clip's original was named
    found: bool
    #: names of other originals that were
    false: tuple[str, ...]
    #: seconds by which the span's start in the original is off; None = not found
    off: float | None


def altered(
    files: Sequence[Path], index: Originals, folder: Path, *, start: float, seconds: float
) -> Iterator[Looked]:
    """Cut `seconds` out of every clip, alter them in every way, and look them up.

    Args:
        files: clips whose originals are in `index` under their file names.
        index: the originals, and whatever others may be taken for them.
        folder: for the altered clips.
        start: where the excerpt begins.
        seconds: how long it is.
    """
    for file in files:
        pictures = list(read_pictures(file, start=start, seconds=seconds))
        for number, (name, transform) in enumerate(TRANSFORMS.items()):
            target = write_clip(iter(pictures), folder / f"{file.stem}-{number}.mp4", transform)
            found = index.check(fingerprint_file(target, original=False))
            own = next((one for one in found if one.name == file.name), None)
            others = tuple(one.name for one in found if one.name != file.name)
            off = None
            if own is not None:
                span = own.copy.spans[0]
                off = abs(span.original_start - (start + span.start * transform.speed))
            target.unlink()
            yield Looked(file.name, name, own is not None, others, off)


class Scale(NamedTuple):
    """Look-up in an index of many synthetic videos."""

    videos: int
    hashes: int
    build_seconds: float
    #: seconds of each look-up, of known and of unknown videos in turn
    seconds: list[float]
    found: int
    asked: int
    false: int
    disk_mb: float
    #: growth of the largest memory of the process during the look-ups
    memory_mb: float


def scale(folder: Path, *, videos: int, queries: int, length: float = 30.0) -> Scale:
    """Fill an index with synthetic videos and look up noisy copies of some, and strangers.

    Pictures are random fields whose waves fall off as those of photographs do; their hashes are
    computed from them as from any picture. A copy has one bit in twelve flipped and starts elsewhere.
    """
    random = np.random.default_rng(7)
    field = _Field()
    kept: list[Fingerprint] = []
    with Originals(folder) as index:
        started = time.perf_counter()
        for first in range(0, videos, 1000):
            count = min(1000, videos - first)
            batch = field.videos(random, count, length, first=first)
            kept += batch[:: max(1, count // max(1, queries * 1000 // videos + 1))]
            index.add_many([(one, one.uri) for one in batch])
        built = time.perf_counter() - started
        hashes = index.listed()
        disk = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file()) / 2**20
        chosen = [kept[i] for i in random.permutation(len(kept))[:queries]]
        strangers = field.videos(random, queries, length, first=videos)
        index.check(strangers[0])
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        taken, found, false = [], 0, 0
        for one in chosen:
            started = time.perf_counter()
            names = [match.name for match in index.check(_noisy(one, random))]
            taken.append(time.perf_counter() - started)
            found += one.uri in names
            false += len([name for name in names if name != one.uri])
        for one in strangers:
            started = time.perf_counter()
            false += len(index.check(_noisy(one, random)))
            taken.append(time.perf_counter() - started)
        grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
        return Scale(videos, hashes, built, taken, found, len(chosen), false, disk, grown)


class _Field:
    """Hashes of random pictures, without making the pictures: a hash is the signs of linear maps."""

    def __init__(self) -> None:
        grid = np.arange(_WAVES)
        self._fall = 1.0 / (1.0 + np.hypot(grid[:, None], grid[None, :])) ** 1.2
        self._fall = self._fall.astype(np.float32)
        size = 72
        waves = np.stack([_wave(k, size) for k in range(_WAVES)])
        eight, nine = _means(waves, 8), _means(waves, 9)
        across = np.einsum("kr,lc->klrc", eight, np.diff(nine, axis=1)).reshape(_WAVES**2, -1)
        down = np.einsum("kr,lc->klrc", np.diff(nine, axis=1), eight).reshape(_WAVES**2, -1)
        low = np.eye(_WAVES**2).reshape(_WAVES**2, _WAVES, _WAVES)[:, :9, :9].reshape(_WAVES**2, -1)[:, 1:]
        self._maps = np.concatenate([across, down, low], axis=1).astype(np.float32)

    def videos(
        self, random: np.random.Generator, count: int, length: float, *, first: int
    ) -> list[Fingerprint]:
        """Videos with a hash every half second, cut into shots of 3 s within which the picture drifts."""
        times = np.arange(0, length, 0.5, dtype=np.float32)
        shots = (times / 3.0).astype(int)
        out = []
        for number in range(first, first + count):
            scenes = random.standard_normal((shots[-1] + 1, _WAVES**2), dtype=np.float32)
            drift = 0.25 * random.standard_normal((len(times), _WAVES**2), dtype=np.float32)
            waves = (scenes[shots] + np.cumsum(drift, axis=0)) * self._fall.ravel()
            hashes = np.packbits(waves @ self._maps > 0, axis=1)
            views = {view: hashes ^ _flips(random, hashes.shape, 0.1) for view in VIEWS if view != "bars"}
            out.append(Fingerprint(f"{number:064x}", f"video-{number}", length, times, hashes, views))
        return out


def _wave(number: int, size: int) -> NDArray[np.float64]:
    return np.asarray(np.cos(np.pi * number * (np.arange(size) + 0.5) / size))


def _means(waves: NDArray[np.float64], cells: int) -> NDArray[np.float64]:
    return np.asarray(
        cv2.resize(waves, (cells, len(waves)), interpolation=cv2.INTER_AREA).reshape(len(waves), cells)
    )


def _flips(random: np.random.Generator, shape: tuple[int, ...], share: float) -> NDArray[np.uint8]:
    bits = random.random((*shape[:-1], shape[-1] * 8)) < share
    return np.packbits(bits, axis=-1)


def _noisy(one: Fingerprint, random: np.random.Generator) -> Fingerprint:
    """The second half of a video with one bit in twelve flipped."""
    half = len(one.times) // 2
    hashes = one.hashes[half:] ^ _flips(random, one.hashes[half:].shape, 1 / 12)
    return Fingerprint("copy", "copy", one.duration / 2, one.times[half:] - one.times[half], hashes)
