"""Singing: notes, intonation, vibrato and score of pitch tracks whose truth is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mmu.songs.singing import Singing, analyse, note_name
from models.pitch import FRAME_SECONDS, Pitch

MELODY = (60, 62, 64, 65, 67, 69, 71, 72, 67, 64)


def sing(
    melody: Sequence[float], *, vibrato: float = 0.0, wander: float = 0.0, seconds: float = 0.6
) -> Pitch:
    """Notes with 0.1 s of silence after each; vibrato and wander in cents."""
    draw = np.random.default_rng(0)
    semitones, confidence = [], []
    frames = round(seconds / FRAME_SECONDS)
    time = np.arange(frames) * FRAME_SECONDS
    for note in melody:
        slow = np.interp(time, np.linspace(0, seconds, 4), draw.standard_normal(4))
        semitones += [
            note + vibrato / 100 * np.sin(2 * np.pi * 5.5 * time) + wander / 100 * slow,
            np.zeros(7),
        ]
        confidence += [np.ones(frames), np.zeros(7)]
    hertz = 440 * 2 ** ((np.concatenate(semitones) - 69) / 12)
    return Pitch(hertz.astype(np.float32), np.concatenate(confidence).astype(np.float32))


def measured(pitch: Pitch) -> Singing:
    found = analyse(pitch)
    assert found is not None
    return found


def test_clean_singing_scores_full() -> None:
    found = measured(sing(MELODY))
    assert [round(note.midi) for note in found.notes] == list(MELODY)
    assert found.score == pytest.approx(100)
    assert (found.lowest, found.highest) == pytest.approx((60, 72), abs=0.01)
    assert found.vibrato is None
    assert found.notes[1].start == pytest.approx(0.7, abs=0.04)


def test_a_singer_may_be_tuned_otherwise() -> None:
    found = measured(sing([note + 0.4 for note in MELODY]))
    assert found.tuning == pytest.approx(40, abs=1)
    assert found.score == pytest.approx(100)


def test_wrong_notes_cost_intonation_and_wander_steadiness() -> None:
    off = [note + (0.2 if index % 2 else -0.2) for index, note in enumerate(MELODY)]
    sour, shaky = measured(sing(off)), measured(sing(MELODY, wander=60))
    assert sour.intonation == pytest.approx(20, abs=2)
    assert sour.parts["intonation"] < 40 < 95 < sour.parts["steadiness"]
    assert shaky.parts["steadiness"] < 70
    assert shaky.steadiness > 10 > measured(sing(MELODY)).steadiness


def test_vibrato_is_measured_and_is_no_wander() -> None:
    found = measured(sing(MELODY, vibrato=50, seconds=1.0))
    assert found.vibrato is not None
    assert found.vibrato_share == 1
    assert found.vibrato.rate == pytest.approx(5.5, abs=0.3)
    assert found.vibrato.extent == pytest.approx(50, abs=6)
    assert found.parts["steadiness"] > 85


def test_notes_without_a_pause_are_told_apart() -> None:
    frames = 40
    hertz = np.repeat(440 * 2 ** ((np.array(MELODY) - 69) / 12), frames).astype(np.float32)
    found = measured(Pitch(hertz, np.ones(len(hertz), np.float32)))
    assert [round(note.midi) for note in found.notes] == list(MELODY)


def test_silence_is_no_singing() -> None:
    assert analyse(Pitch(np.full(500, 220, np.float32), np.zeros(500, np.float32))) is None
    assert analyse(Pitch(np.zeros(0, np.float32), np.zeros(0, np.float32))) is None


def test_names_of_notes() -> None:
    assert [note_name(midi) for midi in (69, 60.4, 61, 58)] == ["A4", "C4", "C#4", "Bb3"]
