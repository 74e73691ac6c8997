"""Which track, from where, at which speed: votes of landmarks that lie on one line of time against time."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.songs.fingerprint import BINS, BINS_PER_OCTAVE, FRAME_SECONDS, SHIFT_BITS, Landmarks

#: pitch shifts that are looked for, in bins of 1/36 octave: five are 10%
MAX_SHIFT = 5
#: time scales that are looked for
_SCALES = np.arange(0.88, 1.1251, 0.005)
#: frames (16 ms) of a coarse cell of offsets; half of it is its grid
_CELL = 64
_HALF = _CELL // 2
#: coarse cells that are looked at closely
_CELLS = 24
#: votes from which only those in the fullest half cells are kept, and how many of these
_MANY, _FULLEST = 100_000, 4000
#: frames by which an aligned landmark may miss the line
_TOLERANCE = 3

#: keys (n,) uint32 -> rows of those keys that are in the index, and where: (m,) int64, (m,) int64 frames
Lookup = Callable[[NDArray[np.uint32]], tuple[NDArray[np.int64], NDArray[np.int64]]]


class Alignment(NamedTuple):
    """A stretch of the index on which landmarks of the query line up."""

    #: frame of the index that corresponds to the query's frame 0
    position: float
    #: query seconds to index seconds: 1.02 = the query plays 2% faster
    speed: float
    #: pitch of the query against the index, in semitones
    pitch: float
    #: different query peaks that begin an aligned landmark
    peaks: int
    #: aligned landmarks
    landmarks: int


def align(query: Landmarks, lookup: Lookup) -> list[Alignment]:
    """Find where the query lines up with the index, best first; several may be of one track.

    Args:
        query: landmarks of some seconds of audio.
        lookup: the index.
    """
    rows, shifts, places = _votes(query, lookup)
    if not rows.size:
        return []
    middle = int(query.frame[-1] + query.frame[0]) // 2 if query.frame.size else 0
    times = query.frame[rows].astype(np.int64) - middle
    if len(rows) > _MANY:
        kept = _in_full_cells(places - times)
        rows, shifts, places, times = rows[kept], shifts[kept], places[kept], times[kept]
    anchors = query.frame[rows].astype(np.int64) * 256 + (query.key[rows] >> SHIFT_BITS)
    order = np.argsort(places - times, kind="stable")
    times, anchors, shifts, places = times[order], anchors[order], shifts[order], places[order]
    offsets = places - times
    found: list[Alignment] = []
    for cell, shift in _best_cells(offsets, shifts):
        low, high = np.searchsorted(offsets, [(cell - 1) * _HALF, (cell + 3) * _HALF])
        near = slice(low, high)
        mask = np.abs(shifts[near] - shift) <= 1
        if mask.sum() >= 3:
            found.append(
                _line(times[near][mask], places[near][mask], anchors[near][mask], shifts[near][mask], middle)
            )
    return sorted(found, key=lambda one: -one.peaks)


def _votes(
    query: Landmarks, lookup: Lookup
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Query rows, pitch shifts and index frames of every landmark that the index knows."""
    shift = np.repeat(np.arange(-MAX_SHIFT, MAX_SHIFT + 1), len(query.key))
    row = np.tile(np.arange(len(query.key)), 2 * MAX_SHIFT + 1)
    first = (query.key[row] >> SHIFT_BITS).astype(np.int64) + shift
    inside = (first >= 0) & (first < BINS)
    shift, row = shift[inside], row[inside]
    keys = query.key[row].astype(np.int64) + (shift << SHIFT_BITS)
    order = np.argsort(keys)
    hits, places = lookup(keys[order].astype(np.uint32))
    hits = order[hits]
    return row[hits], shift[hits], places


def _in_full_cells(offsets: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which votes lie in or beside the fullest cells, whatever their shift: sorting all would take longer."""
    cells = offsets // _HALF
    cells -= cells.min()
    counts = np.bincount(cells, minlength=4)
    pairs = counts[:-1] + counts[1:]
    least = max(2, int(np.partition(pairs, -min(_FULLEST, len(pairs)))[-min(_FULLEST, len(pairs))]))
    full = np.zeros(len(counts) + 4, bool)
    at = np.flatnonzero(pairs >= least)
    for step in range(5):
        full[at + step] = True
    return np.asarray(full[cells + 2], np.bool_)


def _best_cells(offsets: NDArray[np.int64], shifts: NDArray[np.int64]) -> list[tuple[int, int]]:
    """The (offset cell, shift) with most votes, those of neighbouring cells and shifts included."""
    width = 2 * MAX_SHIFT + 4
    code, counts = np.unique((offsets // _HALF) * width + shifts + MAX_SHIFT + 1, return_counts=True)
    total = counts.astype(np.float64)
    for step, weight in ((width, 1.0), (1, 0.5), (-1, 0.5), (width + 1, 0.5), (width - 1, 0.5)):
        at = np.minimum(np.searchsorted(code, code + step), len(code) - 1)
        total += weight * np.where(code[at] == code + step, counts[at], 0)
    best = np.argsort(-total, kind="stable")[:_CELLS]
    return [(int(code[i] // width), int(code[i] % width - MAX_SHIFT - 1)) for i in best]


def _line(
    times: NDArray[np.int64],
    places: NDArray[np.int64],
    anchors: NDArray[np.int64],
    shifts: NDArray[np.int64],
    middle: int,
) -> Alignment:
    """Fit places = scale * times + offset to the votes of one cell."""
    base = int(places.min())
    y = (places - base).astype(np.float64)
    votes, scale, offset = 0, 1.0, 0.0
    for candidate in _SCALES[np.argsort(np.abs(_SCALES - 1), kind="stable")]:
        rest = np.sort(y - candidate * times)
        inside = np.searchsorted(rest, rest + 2 * _TOLERANCE, side="right") - np.arange(len(rest))
        top = int(np.argmax(inside))
        if inside[top] > votes:
            votes, scale = int(inside[top]), float(candidate)
            offset = float(np.median(rest[top : top + votes]))
    for _ in range(2):
        good = np.abs(y - scale * times - offset) <= _TOLERANCE
        if len(np.unique(times[good])) < 4:
            break
        refined = np.polyfit(times[good], y[good], 1)
        if abs(refined[0] - scale) > 0.02:
            break
        scale, offset = float(refined[0]), float(refined[1])
    good = np.abs(y - scale * times - offset) <= _TOLERANCE
    pitch = -float(shifts[good].mean()) * 12 / BINS_PER_OCTAVE if good.any() else 0.0
    return Alignment(
        position=base + offset - scale * middle,
        speed=scale,
        pitch=pitch,
        peaks=len(np.unique(anchors[good])),
        landmarks=int(good.sum()),
    )


def seconds(frames: float) -> float:
    """Frames of the spectrogram as seconds."""
    return frames * FRAME_SECONDS
