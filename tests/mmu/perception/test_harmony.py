"""Chords, metre and sections of music that is made here and therefore known."""

from __future__ import annotations

import numpy as np
import pytest

from mmu.perception import harmony
from mmu.perception.harmony import RATE, chords, chroma_frames
from mmu.perception.metre import find_metre
from mmu.perception.sections import find_sections

TRIADS = {
    "C": (60, 64, 67),
    "A:min": (57, 60, 64),
    "F": (53, 57, 60),
    "G": (55, 59, 62),
    "D:min": (50, 53, 57),
}


def tone(midi: float, seconds: float, partials: int = 6) -> np.ndarray:
    time = np.arange(round(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((midi - 69) / 12)
    wave = sum(0.6**k * np.sin(2 * np.pi * hertz * (k + 1) * time) for k in range(partials))
    return np.asarray(wave * np.exp(-1.5 * time), np.float32)


def play(names: list[str], seconds: float = 1.5) -> np.ndarray:
    return np.concatenate([sum(tone(midi, seconds) for midi in TRIADS[name]) for name in names])


def test_a_progression_is_read_back() -> None:
    names = ["C", "A:min", "F", "G", "C", "D:min", "G", "C"]
    found = chords(chroma_frames(play(names)))
    for index, name in enumerate(names):
        middle = 1.5 * index + 0.75
        (chord,) = (one for one in found if one.start <= middle < one.end)
        assert chord.name == name
        assert 0.7 < chord.score <= 1
    changes = [one.start for one in found[1:]]
    assert all(min(abs(change - 1.5 * k) for k in range(9)) < 0.25 for change in changes)


def test_silence_and_noise_hold_no_chord() -> None:
    assert chords(np.empty((0, 12), np.float32)) == []
    found = chords(chroma_frames(np.zeros(RATE * 2, np.float32)))
    assert {one.name for one in found} == {harmony.NO_CHORD}


@pytest.mark.parametrize("bar", [3, 4])
def test_metre_is_where_bass_and_harmony_change(bar: int) -> None:
    rng = np.random.default_rng(bar)
    beat, bars = 0.5, 10
    samples = 0.002 * rng.standard_normal(round(RATE * beat * bar * bars)).astype(np.float32)
    names = list(TRIADS)
    for number in range(bars):
        first = round(RATE * beat * bar * number)
        chord = sum(tone(midi, beat * bar) for midi in TRIADS[names[number % len(names)]])
        samples[first : first + len(chord)] += 0.2 * chord[: len(samples) - first]
        bass = tone(TRIADS[names[number % len(names)]][0] - 24, beat)
        samples[first : first + len(bass)] += bass
        for step in range(1, bar):
            at = round(RATE * beat * (bar * number + step))
            samples[at : at + 400] += 0.3 * rng.standard_normal(400).astype(np.float32)
    beats = np.arange(bar * bars) * beat
    found = find_metre(samples, chroma_frames(samples), beats)
    assert found is not None
    assert found.beats == bar
    assert np.allclose(found.downbeats, beats[::bar])
    assert find_metre(samples, chroma_frames(samples), beats[:8]) is None


def test_sections_that_return_have_their_letter_again() -> None:
    verse, chorus = play(["C", "A:min"] * 5, 1.6), play(["F", "G"] * 5, 1.6)
    bright = np.diff(chorus, prepend=0) * 4
    samples = np.concatenate([verse, bright, verse]).astype(np.float32)
    found = find_sections(samples, chroma_frames(samples))
    assert [one.letter for one in found] == ["A", "B", "A"]
    assert [one.start for one in found] == [pytest.approx(t, abs=1.5) for t in (0, 16, 32)]
    assert found[-1].end == pytest.approx(samples.size / RATE)
    assert find_sections(verse[: RATE * 10], chroma_frames(verse[: RATE * 10])) == []
