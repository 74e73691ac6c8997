"""Sound: classes over time, loudness, alarms, and the stage on real speech and made sounds."""

from __future__ import annotations

import itertools

import numpy as np
import pyloudnorm
import pytest
import soundfile
from numpy.typing import NDArray

from mmu.media.clip import Clip
from mmu.perception.loudness import Loudness
from mmu.perception.sound import Sound
from mmu.perception.sound_classes import CLASSES, STEP, Opinions, decode, join, segments
from mmu.signals import SignalSet
from models.store import Store

RATE = 16000


def opinion(
    seconds: float, *, voice: float, events: list[float], broad: list[float], level: float
) -> Opinions:
    n = round(seconds / STEP)
    return Opinions(
        np.full(n, voice, np.float32),
        np.tile(np.array(events, np.float32), (n, 1)),
        np.tile(np.array(broad, np.float32), (n, 1)),
        np.full(n, level, np.float32),
    )


SPEECH = opinion(4, voice=0.95, events=[0.9, 0, 0], broad=[0.95, 0.02, 0.03], level=-25)
MUSIC = opinion(4, voice=0.02, events=[0, 0.02, 0.95], broad=[0.01, 0.97, 0.02], level=-20)
SONG = opinion(4, voice=0.5, events=[0.1, 0.9, 0.95], broad=[0.2, 0.8, 0], level=-20)
CRY = opinion(4, voice=0.0, events=[0.8, 0, 0.02], broad=[0.02, 0.07, 0.91], level=-18)
NOTHING = opinion(4, voice=0.0, events=[0, 0, 0], broad=[0.33, 0.33, 0.33], level=-90)


def test_every_class_is_found_and_spans_are_contiguous() -> None:
    found = segments(join([SPEECH, MUSIC, SONG, CRY, NOTHING]), 20.0)
    assert [one.label for one in found] == ["speech", "music", "singing", "noise", "silence"]
    assert found[0].span.start == 0
    assert found[-1].span.end == 20.0
    for one, other in itertools.pairwise(found):
        assert one.span.end == other.span.start
    assert [one.span.end for one in found[:2]] == pytest.approx([4.0, 8.0], abs=0.5)


def test_a_moment_does_not_change_the_class() -> None:
    scores = np.full((60, len(CLASSES)), 0.05, np.float32)
    scores[:, CLASSES.index("music")] = 0.9
    scores[30:32] = 0.05
    scores[30:32, CLASSES.index("noise")] = 0.9
    assert set(decode(scores).tolist()) == {CLASSES.index("music")}


def test_loudness_agrees_with_the_whole_file_at_once() -> None:
    rng = np.random.default_rng(1)
    time = np.arange(30 * 48000) / 48000
    envelope = np.where(time < 12, 0.3, np.where(time < 20, 0.001, 0.1))
    samples = (rng.normal(0, 0.3, (time.size, 2)) * envelope[:, None]).astype(np.float32)
    meter = Loudness(48000)
    for start in range(0, len(samples), 7 * 48000):
        meter.add(samples[start : start + 7 * 48000])
    assert meter.integrated == pytest.approx(pyloudnorm.Meter(48000).integrated_loudness(samples), abs=0.1)


def test_clipping_counts_only_runs() -> None:
    samples = np.zeros((1000, 2), np.float32)
    samples[100:110] = 1.0
    samples[500] = 1.0
    meter = Loudness(44100)
    meter.add(samples)
    assert meter.clipped == pytest.approx(0.01)
    assert meter.peak_dbfs == pytest.approx(0.0)
    assert meter.integrated is None


@pytest.fixture(scope="module")
def stage() -> Sound:
    sound = Sound()
    sound.setup(Store())
    return sound


def beeps() -> NDArray[np.float32]:
    """A smoke alarm: half a second of 3.1 kHz, half a second of pause, six times."""
    time = np.arange(RATE // 2) / RATE
    tone = 0.1 * np.sign(np.sin(2 * np.pi * 3100 * time)).astype(np.float32)
    return np.tile(np.concatenate([tone, np.zeros(RATE // 2, np.float32)]), 6)


@pytest.mark.weights
def test_speech_silence_and_alarm(stage: Sound) -> None:
    speech = soundfile.read(Store().file("sample-media", "speech_1.wav"), dtype="float32")[0]
    samples = np.concatenate([speech, np.zeros(4 * RATE, np.float32), beeps()])
    found = SignalSet(stage.run(Clip.from_arrays(audio=(samples, RATE)), SignalSet()))
    assert {signal.kind for signal in found} <= stage.emits
    spans = {signal.value: signal.span for signal in found.of("audio.segment")}
    assert spans["speech"]
    assert spans["speech"].end == pytest.approx(4.0, abs=0.7)
    assert spans["silence"]
    assert spans["silence"].seconds > 3
    alarms = found.of("audio.event")
    assert [signal.value for signal in alarms] == ["alarm"]
    assert alarms[0].attributes["hertz"] == pytest.approx(3100, abs=20)
    assert alarms[0].span
    assert alarms[0].span.start == pytest.approx(8.0, abs=0.2)
    assert -40 < float(found.of("audio.loudness")[0].value or 0) < -5


@pytest.mark.weights
def test_speech_alone_has_no_alarm_and_good_clarity(stage: Sound) -> None:
    speech = soundfile.read(Store().file("sample-media", "speech_2.wav"), dtype="float32")[0]
    clean = SignalSet(stage.run(Clip.from_arrays(audio=(speech, RATE)), SignalSet()))
    noisy = speech + np.random.default_rng(0).normal(0, 0.03, speech.size).astype(np.float32)
    dirty = SignalSet(stage.run(Clip.from_arrays(audio=(noisy, RATE)), SignalSet()))

    def clarity(signals: SignalSet) -> float:
        return next(s.score or 0.0 for s in signals.of("audio.quality") if s.value == "speech_clarity")

    assert not clean.of("audio.event")
    assert clarity(clean) > clarity(dirty) + 0.2


@pytest.mark.weights
def test_too_short_and_empty_sound(stage: Sound) -> None:
    for count in (1, 10, 300, 900):
        stage.run(Clip.from_arrays(audio=(np.zeros(count, np.float32), RATE)), SignalSet())
