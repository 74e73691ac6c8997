"""Vocal tract and age group: vowels of known formants, norms, and real voices made shorter."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.signal import lfilter, resample_poly

from mmu.media.clip import Clip
from mmu.perception import vocal_tract
from mmu.perception.speakers import Speakers
from mmu.perception.vocal_tract import VOWELS
from mmu.perception.voice_age import Measured, child
from mmu.perception.voice_traits import age_attributes
from mmu.signals import Signal, SignalSet, Span
from models.pitch import HOP, SAMPLE_RATE, Pitch
from models.store import Store


def vowels(scale: float, pitch: float) -> NDArray[np.float32]:
    """Twelve vowels of 0.25 s: pulses through the resonances of a tract whose formants are `scale` higher."""
    parts = []
    for row in VOWELS:
        size = SAMPLE_RATE // 4
        sound = (np.diff(np.floor(np.arange(size + 1) * pitch / SAMPLE_RATE)) > 0).astype(float)
        # a fifth formant where a uniform tube has it
        for hertz in (*(row * scale), 4500 * scale):
            if hertz > SAMPLE_RATE / 2 - 200:
                continue
            radius = np.exp(-np.pi * (60 + 0.02 * hertz) / SAMPLE_RATE)
            poles = [1, -2 * radius * np.cos(2 * np.pi * hertz / SAMPLE_RATE), radius**2]
            sound = lfilter([sum(poles)], poles, sound)
        sound = lfilter([1], [1, -0.95], sound)
        parts.append(0.3 * sound / np.abs(sound).max())
    return np.asarray(np.concatenate(parts), np.float32)


@pytest.mark.parametrize(
    ("scale", "pitch"), [(1.0, 110.0), (1.12, 210.0), (1.25, 240.0), (1.4, 270.0), (1.12, 320.0)]
)
def test_the_scale_of_vowels_with_known_formants_is_found(scale: float, pitch: float) -> None:
    samples = vowels(scale, pitch)
    count = samples.size // HOP
    track = Pitch(np.full(count, pitch, np.float32), np.ones(count, np.float32))
    power, hertz = vocal_tract.voiced_spectra(samples, track)
    assert len(power) == len(hertz) > count / 2
    assert vocal_tract.scale(power) == pytest.approx(scale, rel=0.05)


def test_nothing_voiced_is_nothing() -> None:
    track = Pitch(np.full(100, 200, np.float32), np.zeros(100, np.float32))
    power, hertz = vocal_tract.voiced_spectra(np.zeros(100 * HOP, np.float32), track)
    assert power.shape == (0, 513)
    assert hertz.size == 0


@pytest.mark.parametrize(
    ("pitch", "scale", "group"),
    [
        (120, 0.96, "adult"),  # a man
        (200, 1.12, "adult"),  # a woman
        (330, 1.08, "adult"),  # a woman who shouts
        (240, 1.22, None),  # a child of eleven, or a small woman
        (270, 1.45, "child"),  # a child of five
    ],
)
def test_groups_of_typical_voices(pitch: float, scale: float, group: str | None) -> None:
    found = age_attributes(child(Measured(pitch, scale, 300)))
    assert found["age_group"] == group
    assert 0.5 <= found["age_group_score"] <= 1


@given(st.floats(60, 600), st.floats(0.8, 1.8), st.integers(40, 2000), st.floats(1.0, 1.3))
def test_it_is_a_probability_and_short_speech_says_less(
    pitch: float, scale: float, frames: int, longer: float
) -> None:
    assert 0 <= child(Measured(pitch, scale, frames)) <= 1
    assert Measured(pitch, scale * longer, frames).tract <= Measured(pitch, scale, frames).tract
    assert child(Measured(265, 1.4, 400)) > child(Measured(265, 1.4, 40))


def test_too_little_voice_has_no_group() -> None:
    assert age_attributes(None) == {"age_group": None, "age_group_score": None}


@pytest.mark.weights
def test_real_voices_are_adults_and_shorter_tracts_are_measured() -> None:
    store = Store()
    stage = Speakers()
    stage.setup(store)
    found = []
    for number, faster in ((1, 1.0), (2, 1.0), (2, 1.25)):
        samples, rate = soundfile.read(store.file("sample-media", f"speech_{number}.wav"), dtype="float32")
        samples = resample_poly(samples, 100, round(100 * faster)).astype(np.float32)
        spoken = Signal("speech.activity", None, 0.9, Span(0, len(samples) / rate), "test")
        (voice,) = stage.run(Clip.from_arrays(audio=(samples, rate)), SignalSet([spoken]))
        found.append(voice.attributes)
    stage.close()
    man, woman, shorter = found
    assert man["age_group"] == woman["age_group"] == "adult"
    assert man["tract_cm"] > woman["tract_cm"]
    assert shorter["tract_cm"] == pytest.approx(woman["tract_cm"] / 1.25, rel=0.1)
    assert shorter["pitch_hz"] == pytest.approx(woman["pitch_hz"] * 1.25, rel=0.1)
    assert shorter["age_group"] != "adult"
