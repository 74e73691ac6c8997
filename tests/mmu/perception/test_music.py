"""Music: tempo of clicks, key of chords, tags, and the stage."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from mmu.media.clip import Clip
from mmu.perception import music_tags
from mmu.perception.music import MusicFacts
from mmu.perception.musical_key import RATE as KEY_RATE
from mmu.perception.musical_key import chroma, find_key
from mmu.perception.tempo import RATE, find_tempo
from mmu.signals import Signal, SignalSet, Span
from models.musicnn import TAGS
from models.store import Store


def drum(bpm: float, seconds: float = 20.0, *, rate: int = RATE) -> NDArray[np.float32]:
    """Noise bursts on the beat, softer ones between."""
    rng = np.random.default_rng(3)
    out = rng.normal(0, 0.002, int(seconds * rate)).astype(np.float32)
    burst = rng.normal(0, 0.5, int(0.05 * rate)) * np.exp(-np.arange(int(0.05 * rate)) / (0.01 * rate))
    for number, time in enumerate(np.arange(0.2, seconds - 0.2, 30 / bpm)):
        start = int(time * rate)
        out[start : start + burst.size] += (burst * (1.0 if number % 2 == 0 else 0.25)).astype(np.float32)
    return out


def chord(
    notes: list[int], seconds: float = 1.0, *, rate: int = KEY_RATE, cents: float = 0.0
) -> NDArray[np.float32]:
    time = np.arange(int(seconds * rate)) / rate
    hertz = [440 * 2 ** ((note - 69 + cents / 100) / 12) for note in notes]
    tone = sum(np.sin(2 * np.pi * f * k * time) / k for f in hertz for k in (1, 2, 3))
    return (0.1 * tone * np.exp(-time)).astype(np.float32)


@pytest.mark.parametrize("bpm", [84.0, 95.0, 120.0, 147.0])
def test_tempo_and_beats_of_a_drum(bpm: float) -> None:
    found = find_tempo(drum(bpm))
    assert found is not None
    assert found.bpm == pytest.approx(bpm, rel=0.01)
    steps = np.diff(found.beats)
    assert np.median(steps) == pytest.approx(60 / bpm, rel=0.03)


def test_no_tempo_in_silence_or_in_a_moment() -> None:
    assert find_tempo(np.zeros(RATE * 10, np.float32)) is None
    assert find_tempo(drum(120, 1.0)) is None


@pytest.mark.parametrize("shift", [0, 3, 7, 10])
@pytest.mark.parametrize("cents", [0.0, 30.0])
def test_key_of_a_cadence(shift: int, cents: float) -> None:
    names = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
    major = [[60, 64, 67], [65, 69, 72], [67, 71, 74], [60, 64, 67]]
    minor = [[57, 60, 64], [62, 65, 69], [64, 68, 71], [57, 60, 64]]
    for chords, tonic, mode in ((major, 0, "major"), (minor, 9, "minor")):
        samples = np.concatenate([chord([n + shift for n in notes], cents=cents) for notes in chords])
        found = find_key(samples)
        assert found is not None
        assert found[0] == f"{names[(tonic + shift) % 12]} {mode}"


def test_chroma_is_a_share_and_empty_in_silence() -> None:
    assert chroma(chord([69])).argmax() == 9
    assert chroma(chord([60, 64])).sum() == pytest.approx(1.0)
    assert find_key(np.zeros(KEY_RATE, np.float32)) is None


def test_tags_merge_synonyms_and_follow_the_singing() -> None:
    mtt = dict.fromkeys(TAGS["mtt"], 0.0) | {"vocal": 0.3, "singing": 0.3, "piano": 0.6, "woman": 0.5}
    msd = dict.fromkeys(TAGS["msd"], 0.0) | {"jazz": 0.4, "instrumental": 0.3}
    sung = dict(music_tags.merge(mtt, msd, sung=0.5))
    assert sung["piano"] == pytest.approx(0.6)
    assert sung["vocals"] >= 0.51
    assert "female vocals" in sung
    assert "instrumental" not in sung
    played = dict(music_tags.merge(mtt, msd, sung=0.0))
    assert "vocals" not in played
    assert "female vocals" not in played
    assert played["instrumental"] >= 0.8


def test_every_synonym_is_a_tag_of_its_dataset() -> None:
    for first, second in music_tags.SYNONYMS.values():
        assert set(first) <= set(TAGS["mtt"])
        assert set(second) <= set(TAGS["msd"])
        assert first or second


@pytest.mark.weights
def test_stage_looks_only_where_music_plays() -> None:
    stage = MusicFacts()
    stage.setup(Store())
    rate = 44100
    chords = [[57, 60, 64], [62, 65, 69], [64, 68, 71], [57, 60, 64]] * 3
    tune = np.concatenate([chord(notes, rate=rate) for notes in chords]) + drum(100, 12, rate=rate) * 0.3
    samples = np.concatenate([np.zeros(5 * rate, np.float32), tune])
    clip = Clip.from_arrays(audio=(samples, rate))
    heard = SignalSet(
        [
            Signal("audio.segment", "silence", 1.0, Span(0, 5), "test"),
            Signal("audio.segment", "music", 0.9, Span(5, 17), "test"),
        ]
    )
    found = SignalSet(stage.run(clip, heard))
    assert [signal.span for signal in found.of("music.segment")] == [Span(5, 17)]
    assert found.of("music.key")[0].value == "A minor"
    beats = found.of("music.tempo")[0].attributes["beats_s"]
    assert all(5 <= beat <= 17 for beat in beats)
    tags = {signal.value for signal in found.of("music.tag")}
    assert "instrumental" in tags
    assert all(signal.attributes["vocabulary"] == "music_tag" for signal in found.of("music.tag"))
    assert stage.run(clip, SignalSet()) == []
