"""Singing against a reference, and corrected: on pitch tracks and voices whose truth is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from mmu.cli import main
from mmu.songs.beautify import beautify, corrections
from mmu.songs.psola import shift_pitch
from mmu.songs.reference import compare
from mmu.songs.singing import analyse
from models.pitch import FRAME_SECONDS, SAMPLE_RATE, Pitch, SwiftF0
from models.store import Store

MELODY = ((60, 0.5), (62, 0.5), (64, 0.8), (65, 0.4), (67, 0.9), (64, 0.5), (62, 0.5), (60, 1.0))


def track(notes: tuple[tuple[float, float], ...], *, rest: float = 0.1) -> Pitch:
    semitones, confidence = [], []
    for midi, seconds in notes:
        count, gap = round(seconds / FRAME_SECONDS), round(rest / FRAME_SECONDS)
        semitones += [np.full(count, float(midi)), np.zeros(gap)]
        confidence += [np.ones(count), np.zeros(gap)]
    hertz = 440 * 2 ** ((np.concatenate(semitones) - 69) / 12)
    return Pitch(hertz.astype(np.float32), np.concatenate(confidence).astype(np.float32))


def changed(shift: float = 0.0, stretch: float = 1.0) -> Pitch:
    return track(tuple((midi + shift, seconds * stretch) for midi, seconds in MELODY))


def test_the_reference_itself_scores_full() -> None:
    found = compare(changed(), changed())
    assert found is not None
    assert found.score > 99
    assert found.transposition == pytest.approx(0, abs=0.01)
    assert found.tempo == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("shift", [-12.0, 2.0, 5.3])
def test_another_key_is_no_mistake(shift: float) -> None:
    found = compare(changed(shift), changed())
    assert found is not None
    assert found.score > 95
    assert found.transposition == pytest.approx(shift, abs=0.05)


def test_another_tempo_is_no_mistake() -> None:
    found = compare(changed(stretch=1.25), changed())
    assert found is not None
    assert found.parts["pitch"] > 95
    assert found.parts["rhythm"] > 80
    assert found.tempo == pytest.approx(0.8, abs=0.05)


def test_each_kind_of_mistake_costs_its_part() -> None:
    good = compare(changed(), changed())
    off = tuple((midi + (0.6 if i % 2 else 0), s) for i, (midi, s) in enumerate(MELODY))
    sour = compare(track(off), changed())
    rushed = tuple((midi, s * (0.6 if i < 4 else 1.5)) for i, (midi, s) in enumerate(MELODY))
    uneven = compare(track(rushed), changed())
    assert good is not None
    assert sour is not None
    assert uneven is not None
    assert sour.parts["pitch"] < good.parts["pitch"] - 15
    assert sour.hits < 0.8
    assert uneven.parts["rhythm"] < good.parts["rhythm"] - 30
    assert uneven.parts["pitch"] > 90


def test_too_little_and_too_much() -> None:
    silent = Pitch(np.zeros(400, np.float32), np.zeros(400, np.float32))
    assert compare(silent, changed()) is None
    assert compare(changed(), silent) is None
    endless = Pitch(np.full(30000, 220, np.float32), np.ones(30000, np.float32))
    with pytest.raises(ValueError, match="minutes"):
        compare(endless, changed())


def voice(pitch: Pitch, rate: int = SAMPLE_RATE) -> np.ndarray:
    """Vowel-like sound with the pitch of a track."""
    size = int(len(pitch.hertz) * FRAME_SECONDS * rate)
    frame = np.minimum((np.arange(size) / rate / FRAME_SECONDS).astype(int), len(pitch.hertz) - 1)
    phase = 2 * np.pi * np.cumsum(pitch.hertz[frame]) / rate
    gain = np.convolve(pitch.confidence[frame], np.hanning(401) / 200, mode="same")
    wave = sum(np.exp(-(((k * 200 - 700) / 600) ** 2)) * np.sin(k * phase) for k in range(1, 12))
    return (0.2 * gain * wave).astype(np.float32)


@pytest.mark.parametrize("semitones", [-3.0, 0.0, 2.0])
@pytest.mark.weights
def test_pitch_moves_and_nothing_else(semitones: float) -> None:
    network = SwiftF0(Store().file("swift-f0"))
    samples = voice(changed())
    pitch = network.track(samples)
    hertz = np.where(pitch.confidence > 0.5, pitch.hertz, 0).astype(np.float64)
    ratio = np.full(len(hertz), 2 ** (semitones / 12))
    out = shift_pitch(samples, SAMPLE_RATE, hertz, ratio, FRAME_SECONDS)
    assert out.shape == samples.shape
    again = network.track(out)
    both = (again.confidence > 0.8) & (pitch.confidence > 0.8)
    assert both.sum() > 0.7 * (pitch.confidence > 0.8).sum()
    moved = 12 * np.log2(again.hertz[both] / pitch.hertz[both])
    assert np.median(moved) == pytest.approx(semitones, abs=0.1)
    assert np.sqrt((out**2).mean()) == pytest.approx(np.sqrt((samples**2).mean()), rel=0.35)


@pytest.mark.weights
def test_sour_notes_are_put_right_on_their_own_and_by_a_reference() -> None:
    network = SwiftF0(Store().file("swift-f0"))
    off = tuple((midi + (0.3 if i % 2 else -0.1), s) for i, (midi, s) in enumerate(MELODY))
    samples = voice(track(off))
    pitch = network.track(samples)
    found = analyse(pitch)
    assert found is not None
    assert found.intonation > 10
    after = analyse(network.track(beautify(samples, SAMPLE_RATE, pitch, found)))
    assert after is not None
    assert after.intonation < 0.5 * found.intonation
    # A note a whole semitone wrong is right again only when somebody says which one was meant.
    wrong = tuple((midi + (1.0 if i == 4 else 0.0), s) for i, (midi, s) in enumerate(MELODY))
    sung = network.track(voice(track(wrong)))
    notes = analyse(sung)
    reference = compare(sung, changed())
    assert notes is not None
    assert reference is not None
    moved = corrections(sung, notes, reference)
    fifth = notes.notes[4]
    middle = round((fifth.start + fifth.end) / 2 / FRAME_SECONDS)
    assert moved[middle] == pytest.approx(-1.0, abs=0.15)
    assert abs(corrections(sung, notes, None)[middle]) < 0.3


@pytest.mark.weights
def test_command_compares_and_corrects(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sung, true, out = tmp_path / "sung.wav", tmp_path / "true.wav", tmp_path / "out" / "better.wav"
    off = tuple((midi + 3 + (0.3 if i % 2 else 0), s) for i, (midi, s) in enumerate(MELODY))
    soundfile.write(sung, voice(track(off)), SAMPLE_RATE)
    soundfile.write(true, voice(changed()), SAMPLE_RATE)
    assert main(["singing", str(sung), "--reference", str(true), "--beautify", str(out)]) == 0
    printed = capsys.readouterr().out
    assert "against the reference" in printed
    assert "+3." in printed
    assert soundfile.info(out).frames == soundfile.info(sung).frames
    silent = tmp_path / "silent.wav"
    soundfile.write(silent, np.zeros(SAMPLE_RATE), SAMPLE_RATE)
    assert main(["singing", str(sung), "--reference", str(silent)]) == 2
    assert main(["singing", str(sung), "--beautify", "/proc/nothing/out.wav"]) == 2
    assert main(["singing", str(silent)]) == 1
