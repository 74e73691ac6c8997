"""Beats from likelihoods: steady ones, with gaps, with a changing tempo, and multiples of the tempo."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mmu.perception.beats import refined, track_beats
from mmu.perception.tempo import Tempo

FPS = 50


def likely(beats: NDArray[np.float64], seconds: float = 20.0, *, floor: float = 0.02) -> NDArray[np.float32]:
    """(n,) likelihoods with a peak of three frames at each beat."""
    out = np.full(int(seconds * FPS), floor, np.float32)
    for beat in beats:
        at = round(beat * FPS)
        for shift, value in ((-1, 0.3), (0, 0.9), (1, 0.3)):
            if 0 <= at + shift < len(out):
                out[at + shift] = max(out[at + shift], value)
    return out


def pairs(total: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.stack([total, np.zeros_like(total)], axis=1)


@pytest.mark.parametrize("bpm", [62, 90, 128, 200])
def test_steady_beats_are_found_where_they_are(bpm: float) -> None:
    beats = np.arange(0.3, 19.7, 60 / bpm)
    found = track_beats(likely(beats), FPS)
    inner = found[(found > 0.2) & (found < 19)]
    assert np.abs(inner[:, None] - beats[None]).min(axis=1).max() <= 0.021
    assert len(beats) <= len(found) <= len(beats) + 2  # the pulse goes on to both ends


def test_a_beat_that_is_missing_is_filled_in_and_a_stray_one_left_out() -> None:
    beats = np.arange(0.5, 19.5, 0.5)
    heard = likely(np.append(np.delete(beats, [9, 10, 20]), 7.73))
    found = track_beats(heard, FPS)
    assert np.abs(found[:, None] - np.arange(0, 20.1, 0.5)[None]).min(axis=1).max() < 0.1


def test_the_tempo_may_drift() -> None:
    gaps = np.linspace(0.5, 0.62, 34)
    beats = np.cumsum(gaps)
    found = track_beats(likely(beats), FPS)
    inner = found[(found > 0.6) & (found < beats[-1] - 0.3)]
    assert np.abs(inner[:, None] - beats[None]).min(axis=1).max() <= 0.041


@pytest.mark.parametrize(
    ("played", "heard", "expected"),
    [(120, 120, 120), (120, 60, 120), (150, 75, 75), (60, 120, 120), (150, 97, 150)],
)
def test_onsets_choose_among_double_and_half(played: float, heard: float, expected: float) -> None:
    total = likely(np.arange(0.2, 19.8, 60 / played))
    found = refined(Tempo(heard, 0.2, np.zeros(0)), pairs(total), FPS)
    assert found.bpm == pytest.approx(expected, rel=0.01)
    assert np.median(np.diff(found.beats)) == pytest.approx(60 / expected, abs=0.02)
    assert 0.8 < found.clarity <= 1


def test_the_stronger_half_of_the_beats_is_kept() -> None:
    beats = np.arange(0.2, 19.8, 0.4)
    total = likely(beats)
    for beat in beats[1::2]:
        total[round(beat * FPS)] = 0.99
    found = refined(Tempo(75, 0.2, np.zeros(0)), pairs(total), FPS)
    inner = found.beats[found.beats < 19.1]
    assert np.abs(inner[:, None] - beats[1::2][None]).min(axis=1).max() < 0.05


def test_without_clear_beats_the_onsets_stay() -> None:
    pulse = Tempo(101, 0.3, np.array([1.0, 2.0]))
    assert refined(pulse, np.full((900, 2), 0.01, np.float32), FPS) is pulse
    assert refined(pulse, np.zeros((0, 2), np.float32), FPS) is pulse
    assert len(track_beats(np.zeros(1, np.float32), FPS)) == 0
