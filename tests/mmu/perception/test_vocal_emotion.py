"""Tone of voice: prosody of synthetic vowels, prototypes, and the stage on real voices."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from scipy.signal import lfilter, resample_poly

from mmu.media.clip import Clip
from mmu.perception import prosody
from mmu.perception.prosody import Prosody
from mmu.perception.tone_of_voice import LABELS, USUAL, judge, usual_pitch
from mmu.perception.vocal_emotion import VocalEmotion
from mmu.signals import Signal, SignalSet, Span
from models.pitch import SwiftF0
from models.store import Store

RATE = 16000


def said(level: float, movement: float, tilt: float, hammarberg: float) -> Prosody:
    return Prosody(2.0, USUAL["female"] + level, movement, tilt, hammarberg)


@pytest.mark.parametrize(
    ("label", "found"),
    [
        ("angry", said(11, 3.6, -5, 14)),
        ("happy", said(8, 4.4, -12, 22)),
        ("neutral", said(0, 3.0, -17, 26)),
        ("sad", said(1, 1.3, -23, 33)),
    ],
)
def test_prototypes(label: str, found: Prosody) -> None:
    tone = judge(found, usual_pitch("female", []))
    assert tone.label == label
    assert sum(tone.scores.values()) == pytest.approx(1.0)
    assert set(tone.scores) == set(LABELS)


def test_arousal_grows_with_pitch_and_effort() -> None:
    usual = usual_pitch("female", [])
    steps = [judge(said(x, 3.0, -22 + 1.6 * x, 31 - 1.6 * x), usual).arousal for x in (0, 3, 6, 9)]
    assert steps == sorted(steps)
    assert steps[-1] - steps[0] > 0.4


def test_a_high_voice_is_not_an_excited_one() -> None:
    high = said(7, 3.0, -16, 25)
    among_strangers = judge(high, usual_pitch("female", []))
    among_its_own = judge(high, usual_pitch("female", [high] * 40))
    assert among_its_own.scores["neutral"] > among_strangers.scores["neutral"]
    assert among_its_own.arousal < among_strangers.arousal


def test_both_genders_are_tried_when_none_is_known() -> None:
    assert [weight for _, weight in usual_pitch(None, [])] == [0.5, 0.5]
    assert usual_pitch("male", []) == [(USUAL["male"], 1.0)]


def vowel(hertz: np.ndarray, tilt: float) -> np.ndarray:
    """Harmonics that fall by `tilt` dB an octave."""
    phase = 2 * np.pi * np.cumsum(hertz) / RATE
    waves = sum(10 ** (tilt * np.log2(k) / 20) * np.sin(k * phase) for k in range(1, 30))
    return (0.1 * waves).astype(np.float32)


@pytest.mark.weights
def test_measures_come_back_as_they_were_put_in() -> None:
    network = SwiftF0(Store().file("swift-f0"))
    time = np.arange(2 * RATE) / RATE
    flat = 200 * np.ones(time.size)
    lively = 200 * 2 ** (4 * np.sin(2 * np.pi * time) / 12)

    def measured(samples: np.ndarray) -> Prosody:
        track = network.track(samples, lowest=prosody.LOWEST, highest=prosody.HIGHEST)
        found = prosody.measure(samples, track)
        assert found is not None
        return found

    calm, moving, tense = measured(vowel(flat, -12)), measured(vowel(lively, -12)), measured(vowel(flat, -3))
    assert calm.level == pytest.approx(12, abs=0.1)
    assert calm.movement < 0.1
    assert moving.movement == pytest.approx(4 / np.sqrt(2), abs=0.15)
    assert tense.tilt > calm.tilt + 10
    assert tense.hammarberg < calm.hammarberg - 10
    assert prosody.measure(np.zeros(RATE, np.float32), network.track(np.zeros(RATE, np.float32))) is None


@pytest.mark.weights
def test_read_speech_is_neutral_and_pressed_speech_is_not() -> None:
    store = Store()
    stage = VocalEmotion()
    stage.setup(store)
    samples = soundfile.read(store.file("sample-media", "speech_1.wav"), dtype="float32")[0]
    # As somebody who shouts: a fifth higher, and more energy above 1 kHz.
    pressed = lfilter([1, -0.9], [1], resample_poly(samples, 5, 8)).astype(np.float32)
    calm, excited = (_only(stage, one) for one in (samples, pressed))
    assert calm.value == "neutral"
    assert excited.value in ("angry", "happy")
    assert excited.attributes["arousal"] > calm.attributes["arousal"] + 0.2
    assert calm.score is not None
    assert calm.attributes["scores"]["neutral"] == round(calm.score, 3)


@pytest.mark.weights
def test_song_and_silence_have_no_tone_of_voice() -> None:
    store = Store()
    stage = VocalEmotion()
    stage.setup(store)
    clip = Clip.from_arrays(audio=(np.zeros(RATE, np.float32), RATE))
    activity = Signal("speech.activity", None, 0.9, Span(0, 1), "test")
    sung = Signal("audio.segment", "singing", 0.9, Span(0, 1), "test")
    assert stage.run(clip, SignalSet([activity])) == []
    assert stage.run(clip, SignalSet([activity, sung])) == []


def _only(stage: VocalEmotion, samples: np.ndarray) -> Signal:
    activity = Signal("speech.activity", None, 0.9, Span(0, samples.size / RATE), "test")
    voice = Signal(
        "speech.speaker",
        "speaker_1",
        0.9,
        Span(0, samples.size / RATE),
        "test",
        attributes={"turns": [[0, samples.size / RATE]], "gender": "male", "gender_score": 0.99},
    )
    (found,) = stage.run(Clip.from_arrays(audio=(samples, RATE)), SignalSet([activity, voice]))
    return found
