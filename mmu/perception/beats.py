"""Beats from the likelihood of a beat in each frame: the most probable path through tempo and place.

The state space is that of Krebs, Böck and Widmer, "An efficient state space model for joint tempo and meter
tracking", ISMIR 2015: one state for each frame of a beat of each length; the length changes at beats alone.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.perception.tempo import Tempo

SLOWEST, FASTEST = 55.0, 215.0
#: how fast the tempo may change (larger: less), and the share of a beat in which it is heard
_STEADINESS, _HEARD = 100.0, 1 / 16
_FLOOR = 1e-6
#: beats, and mean likelihood at them, from which they are believed; tempi this near are the same
_LEAST, _CLEAR, _ALIKE = 4, 0.15, 0.04
#: beats a minute between which the tempo of music mostly lies
_USUAL = (65.0, 140.0)


class _States(NamedTuple):
    #: (lengths,) frames of a beat; first and last state of each
    lengths: NDArray[np.int64]
    firsts: NDArray[np.int64]
    lasts: NDArray[np.int64]
    #: (states,) frames since the beat, and whether it is heard there
    places: NDArray[np.int64]
    heard: NDArray[np.bool_]
    #: (lengths, lengths) logarithm of the chance to go from one length to another
    changes: NDArray[np.float64]


def refined(pulse: Tempo, likely: NDArray[np.float32], frames_per_second: float) -> Tempo:
    """The pulse of the onsets, put right by a network's likelihoods; as it was where those show no beats.

    A tempo that is rarely meant, slow or fast, gives way to its double or half where the onsets speak for it.

    Args:
        pulse: from `find_tempo`.
        likely: (n, 2) probability of a beat that is no downbeat, and of a downbeat, in each frame.
        frames_per_second: of the frames.
    """
    total = likely.sum(axis=1)
    beats = track_beats(total, frames_per_second)
    if len(beats) < _LEAST:
        return pulse
    frames = np.round(beats * frames_per_second).astype(int)
    clarity = float(total[frames].mean())
    if clarity < _CLEAR:
        return pulse
    bpm = _tempo(beats)
    if bpm > _USUAL[1] and abs(pulse.bpm - bpm / 2) <= _ALIKE * pulse.bpm:
        stronger = int(np.argmax([total[frames[first::2]].mean() for first in (0, 1)]))
        return Tempo(bpm / 2, clarity, beats[stronger::2])
    if bpm < _USUAL[0] and abs(pulse.bpm - bpm * 2) <= _ALIKE * pulse.bpm:
        between = (beats[1:] + beats[:-1]) / 2
        return Tempo(bpm * 2, clarity, np.sort(np.concatenate([beats, between])))
    return Tempo(bpm, clarity, beats)


def _tempo(beats: NDArray[np.float64]) -> float:
    """Beats a minute by a line through the beats; a gap counts as the beats that fit into it."""
    gaps = np.diff(beats)
    steps = np.maximum(1, np.round(gaps / np.median(gaps)))
    return float(60 / np.polyfit(np.concatenate([[0], np.cumsum(steps)]), beats, 1)[0])


def track_beats(beat: NDArray[np.float32], frames_per_second: float) -> NDArray[np.float64]:
    """Times of the beats in seconds.

    Args:
        beat: (n,) probability of a beat, downbeats included, in each frame.
        frames_per_second: of the frames.
    """
    if len(beat) < 2:
        return np.zeros(0)
    states = _states(frames_per_second)
    path = _path(np.clip(beat.astype(np.float64), _FLOOR, 1 - _FLOOR), states)
    places, heard = states.places[path], states.heard[path]
    starts = np.flatnonzero((places == 0) | (np.arange(len(path)) == 0))
    found: list[int] = []
    for start, stop in zip(starts, [*starts[1:], len(path)], strict=True):
        stretch = start + np.flatnonzero(heard[start:stop])
        if len(stretch):
            found.append(int(stretch[np.argmax(beat[stretch])]))
    return np.array(found) / frames_per_second


def _path(beat: NDArray[np.float64], states: _States) -> NDArray[np.int64]:
    """Viterbi: the state in each frame."""
    sounding = np.log(beat)
    silent = np.log((1 - beat) * _HEARD / (1 - _HEARD))
    score = np.full(len(states.places), -np.log(len(states.places)))
    score += np.where(states.heard, sounding[0], silent[0])
    came = np.empty((len(beat), len(states.lengths)), np.int16)
    for frame in range(1, len(beat)):
        ways = score[states.lasts][:, None] + states.changes
        came[frame] = ways.argmax(axis=0)
        entered = ways[came[frame], np.arange(len(states.lengths))]
        score[1:] = score[:-1].copy()
        score[states.firsts] = entered
        score += np.where(states.heard, sounding[frame], silent[frame])
    path = np.empty(len(beat), np.int64)
    path[-1] = int(score.argmax())
    for frame in range(len(beat) - 1, 0, -1):
        state = path[frame]
        if states.places[state]:
            path[frame - 1] = state - 1
        else:
            length = int(np.searchsorted(states.firsts, state))
            path[frame - 1] = states.lasts[came[frame, length]]
    return path


@cache
def _states(frames_per_second: float) -> _States:
    shortest, longest = (round(60 * frames_per_second / bpm) for bpm in (FASTEST, SLOWEST))
    lengths = np.arange(shortest, longest + 1)
    lasts = np.cumsum(lengths) - 1
    firsts = lasts - lengths + 1
    places = np.concatenate([np.arange(length) for length in lengths])
    heard = places < _HEARD * np.repeat(lengths, lengths)
    apart = -_STEADINESS * np.abs(lengths[None, :] / lengths[:, None] - 1)
    changes = apart - np.log(np.exp(apart).sum(axis=1, keepdims=True))
    return _States(lengths, firsts, lasts, places, heard, changes)
