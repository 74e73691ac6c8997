"""Sections of music: boundaries where it changes most, and letters for what sounds alike.

Novelty along the diagonal of the self-similarity matrix (Foote, "Automatic
audio segmentation using a measure of audio novelty", ICME 2000).
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.signal import find_peaks
from scipy.spatial.distance import pdist

from mmu.perception.harmony import FRAME_SECONDS, HOP, RATE

SOURCE = "self_similarity.foote"
#: seconds of one row of the matrix, of the kernel's half, and of the shortest section
_ROW, _HALF, _SHORTEST = 1.0, 8.0, 8.0
#: less music than this has no sections, seconds
_LEAST_SECONDS = 30.0
_BANDS = 12
#: novelty that makes a boundary, in standard deviations above the mean
_PROMINENCE = 0.6
#: cosine distance up to which two sections sound alike
_ALIKE = 0.12


class Section(NamedTuple):
    """One section; seconds from the start of the samples."""

    start: float
    end: float
    letter: str


def find_sections(samples: NDArray[np.float32], chroma: NDArray[np.float32]) -> list[Section]:
    """Sections of at least half a minute of music; empty for less.

    Args:
        samples: (n,) float32 mono at 22.05 kHz.
        chroma: its `chroma_frames`.
    """
    seconds = samples.size / RATE
    if seconds < _LEAST_SECONDS:
        return []
    rows = _rows(samples, chroma)
    similarity = rows @ rows.T
    half = round(_HALF / _ROW)
    novelty = _novelty(similarity, half)
    spread = float(novelty.std())
    peaks, _ = find_peaks(
        novelty, distance=round(_SHORTEST / _ROW), prominence=max(_PROMINENCE * spread, 1e-6)
    )
    inner = [int(p) for p in peaks if _SHORTEST <= p * _ROW <= seconds - _SHORTEST]
    edges = [0, *inner, len(rows)]
    means = np.stack([rows[first:last].mean(axis=0) for first, last in itertools.pairwise(edges)])
    letters = _letters(means)
    times = [edge * _ROW for edge in edges[:-1]] + [seconds]
    return [
        Section(start, end, letter) for start, end, letter in zip(times, times[1:], letters, strict=False)
    ]


def _rows(samples: NDArray[np.float32], chroma: NDArray[np.float32]) -> NDArray[np.float64]:
    """One row a second: harmony and the shape of the spectrum, each of length 1."""
    count = max(1, int(samples.size / RATE / _ROW))
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(samples, (0, 2048)), 2048)[::HOP]
    power = np.abs(np.fft.rfft(frames * np.hanning(2048).astype(np.float32), axis=1)) ** 2
    edges = np.geomspace(4, 1025, _BANDS + 1).astype(int)
    means = [power[:, low:high].mean(axis=1) for low, high in itertools.pairwise(edges)]
    bands = np.log10(np.stack(means, axis=1) + 1e-8)
    bands = (bands - bands.mean(axis=0)) / np.maximum(bands.std(axis=0), 0.1)
    first = (np.arange(count + 1) * _ROW / FRAME_SECONDS).round().astype(int)
    harmony = np.stack([chroma[a:b].mean(axis=0) for a, b in itertools.pairwise(first)])
    harmony = harmony - harmony.mean(axis=0)
    timbre = np.stack([bands[a:b].mean(axis=0) for a, b in itertools.pairwise(first)])
    return np.asarray(np.concatenate([_unit(harmony), _unit(timbre)], axis=1) / np.sqrt(2), np.float64)


def _unit(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-6), np.float64)


def _novelty(similarity: NDArray[np.float64], half: int) -> NDArray[np.float64]:
    axis = np.arange(-half, half) + 0.5
    taper = np.exp(-0.5 * (axis / (half / 2)) ** 2)
    kernel = np.outer(np.sign(axis) * taper, np.sign(axis) * taper)
    padded = np.pad(similarity, half, mode="edge")
    return np.array(
        [float((padded[i : i + 2 * half, i : i + 2 * half] * kernel).sum()) for i in range(len(similarity))]
    )


def _letters(means: NDArray[np.float64]) -> list[str]:
    if len(means) == 1:
        return ["A"]
    groups = fcluster(linkage(pdist(means, "cosine"), "average"), _ALIKE * 4, "distance")
    order: dict[int, int] = {}
    return [chr(ord("A") + min(25, order.setdefault(int(group), len(order)))) for group in groups]
