"""Singing compared with a reference recording of the same song.

Both pitch tracks are aligned by dynamic time warping with the slope limited to
1/2..2 (Sakoe and Chiba, 1978); what remains between them after the singer's own
key and tempo are taken out is scored. The parts and their sizes follow Molina
et al., "Fundamental frequency alignment vs. note-based melodic similarity for
singing voice assessment" (ICASSP 2013).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from models.pitch import FRAME_SECONDS, VOICED, Pitch

FloatArray = NDArray[np.float64]
#: pitch frames in one row of the alignment
_POOL = 3
_ROW_SECONDS = _POOL * FRAME_SECONDS
#: semitones beyond which one wrong pitch is as bad as another, and the cost of voice against silence
_FAR, _UNVOICED = 3.0, 2.0
#: rows that are aligned at most: six minutes and a half
MOST_ROWS = 8000
#: cents (pitch) and seconds (rhythm) at which a part scores 100 and 0
_PITCH, _RHYTHM = (12.0, 100.0), (0.03, 0.30)
#: cents up to which a moment counts as hit
_HIT = 50.0
_WEIGHTS = {"pitch": 0.4, "hits": 0.2, "rhythm": 0.2, "completeness": 0.2}
_LEAST_ROWS = 20


@dataclass(frozen=True, slots=True)
class Comparison:
    """How near a performance comes to its reference."""

    #: 0..100, and the parts it is the weighted mean of
    score: float
    parts: dict[str, float]
    #: semitones that the performance is sung above the reference, whole octaves and keys included
    transposition: float
    #: 1.1: sung 10% faster than the reference
    tempo: float
    #: mean distance in cents after the transposition is taken out
    cents: float
    #: share of the moments within half a semitone
    hits: float
    #: mean distance in seconds from the reference's timing at the singer's own tempo
    timing: float
    #: share of the reference's voiced time that was sung
    completeness: float
    #: rows of (time in the performance, time in the reference), seconds
    path: FloatArray
    #: cents of the performance off the reference at each row of `path`; NaN where one is silent
    error: FloatArray


def compare(performance: Pitch, reference: Pitch) -> Comparison | None:
    """Score a performance against its reference; None when either holds under a second of voice.

    Raises:
        ValueError: one of them is longer than six minutes and a half.
    """
    sung, sung_from = _trim(_rows(performance))
    true, true_from = _trim(_rows(reference))
    if min(np.isfinite(sung).sum(), np.isfinite(true).sum()) < _LEAST_ROWS:
        return None
    if max(len(sung), len(true)) > MOST_ROWS:
        raise ValueError(f"at most {MOST_ROWS * _ROW_SECONDS / 60:.1f} minutes can be compared")
    transposition, path = _align_in_key(sung, true)
    error = 100 * (sung[path[:, 0]] - true[path[:, 1]] - transposition)
    # What is left in the middle belongs to the singer's tuning, not to wrong notes.
    both = np.isfinite(error)
    if both.sum() < _LEAST_ROWS:
        return None
    rest = float(np.median(error[both]))
    error, transposition = error - rest, transposition + rest / 100
    error = (error + 600) % 1200 - 600
    cents = float(np.abs(np.clip(error[both], -300, 300)).mean())
    hits = float((np.abs(error[both]) <= _HIT).mean())
    expected = np.isfinite(true[path[:, 1]])
    completeness = float((both & expected).sum() / max(1, expected.sum()))
    slope, timing = _timing(path, expected)
    parts = {
        "pitch": _points(cents, _PITCH),
        "hits": 100 * hits,
        "rhythm": _points(timing, _RHYTHM),
        "completeness": 100 * completeness,
    }
    times = np.asarray(path + np.array([sung_from, true_from]), np.float64) * _ROW_SECONDS
    return Comparison(
        score=sum(_WEIGHTS[name] * value for name, value in parts.items()),
        parts=parts,
        transposition=transposition,
        tempo=slope,
        cents=cents,
        hits=hits,
        timing=timing,
        completeness=completeness,
        path=times,
        error=error,
    )


def _rows(pitch: Pitch) -> FloatArray:
    """(n,) semitones (MIDI), the median of three frames; NaN without voice."""
    semitones = 69 + 12 * np.log2(np.maximum(pitch.hertz, 1.0).astype(np.float64) / 440)
    semitones[pitch.confidence < VOICED] = np.nan
    count = len(semitones) // _POOL
    block = np.sort(semitones[: count * _POOL].reshape(count, _POOL), axis=1)
    # NaN sorts last: with two voiced frames their lower one stands for the row.
    heard = np.isfinite(block).sum(axis=1)
    middle = block[np.arange(count), np.maximum(heard - 1, 0) // 2]
    return np.where(heard * 2 > _POOL, middle, np.nan)


def _trim(rows: FloatArray) -> tuple[FloatArray, int]:
    """The rows from the first to the last voice, and where the first is."""
    voiced = np.flatnonzero(np.isfinite(rows))
    if not voiced.size:
        return rows[:0], 0
    return rows[voiced[0] : voiced[-1] + 1], int(voiced[0])


def _align_in_key(sung: FloatArray, true: FloatArray) -> tuple[float, NDArray[np.intp]]:
    """The transposition in semitones under which both agree best, and the path."""
    guess = float(np.nanmedian(sung) - np.nanmedian(true))
    best: tuple[float, float, NDArray[np.intp]] | None = None
    for shift in (0.0, -1.0, 1.0, -2.0, 2.0):
        cost, path = _align(sung - guess - shift, true)
        if best is None or cost < best[0]:
            best = (cost, guess + shift, path)
        if best[0] < 0.3:
            break
    assert best is not None
    return best[1], best[2]


def _align(a: FloatArray, b: FloatArray) -> tuple[float, NDArray[np.intp]]:
    """Mean cost and (k, 2) rows of the cheapest path with steps (1,1), (1,2) and (2,1)."""
    total = np.full((len(a), len(b)), np.inf, np.float32)
    step = np.zeros((len(a), len(b)), np.int8)
    costs: list[FloatArray] = []
    for row in range(len(a)):
        cost = _cost(a[row], b)
        costs.append(cost)
        if row == 0:
            total[0] = np.where(np.arange(len(b)) == 0, cost, np.inf)
            continue
        options = np.full((3, len(b)), np.inf)
        options[0, 1:] = total[row - 1, :-1] + 2 * cost[1:]
        options[1, 2:] = total[row - 1, :-2] + 2 * cost[1:-1] + cost[2:]
        if row > 1:
            options[2, 1:] = total[row - 2, :-1] + 2 * costs[-2][1:] + cost[1:]
        step[row] = options.argmin(axis=0)
        total[row] = options.min(axis=0)
    # The end of the one meets the end of the other, give or take what the slope cannot reach.
    row, column = len(a) - 1, len(b) - 1
    if not np.isfinite(total[row, column]):
        ends = np.concatenate([total[row], total[:, column]])
        index = int(np.argmin(ends / np.concatenate([np.arange(len(b)) + 1.0, np.arange(len(a)) + 1.0])))
        row, column = (row, index) if index < len(b) else (index - len(b), column)
    mean = float(total[row, column]) / max(1, row + column)
    path: list[tuple[int, int]] = []
    while row >= 0 and column >= 0:
        path.append((row, column))
        if row == 0:
            break
        move = step[row, column]
        if move == 1:
            path.append((row, column - 1))
        elif move == 2:
            path.append((row - 1, column))
        row, column = row - (2 if move == 2 else 1), column - (2 if move == 1 else 1)
    return mean, np.array(path[::-1], np.intp)


def _cost(value: float, row: FloatArray) -> FloatArray:
    if not np.isfinite(value):
        return np.where(np.isfinite(row), _UNVOICED, 0.0)
    apart = np.abs(row - value)
    # An octave off is how some voices sing the same tune.
    apart = np.minimum(apart, np.abs(apart - 12) + 0.5)
    return np.where(np.isfinite(row), np.minimum(apart, _FAR), _UNVOICED)


def _timing(path: NDArray[np.intp], voiced: NDArray[np.bool_]) -> tuple[float, float]:
    """Tempo of the performance, and mean distance from it in seconds where there is voice."""
    sung, true = path[voiced, 0].astype(np.float64), path[voiced, 1].astype(np.float64)
    if np.ptp(sung) == 0:
        return 1.0, 0.0
    slope, offset = np.polyfit(true, sung, 1)
    timing = float(np.abs(sung - slope * true - offset).mean() * _ROW_SECONDS)
    return float(1 / slope) if slope > 0 else 1.0, timing


def _points(value: float, limits: tuple[float, float]) -> float:
    full, none = limits
    return float(np.clip(100 * (none - value) / (none - full), 0, 100))
