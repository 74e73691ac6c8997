"""Calls, glass and applause: made sounds, with what the networks are known to say of such sounds."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
from scipy.signal import butter, sosfilt

from mmu.perception.sound import Sound
from mmu.perception.sound_bursts import find_bursts
from mmu.perception.sound_calls import calls
from mmu.perception.sound_classes import STEP, Opinions
from models.store import Store

RATE = 16000
RNG = np.random.default_rng(0)


def opinions(samples: np.ndarray, *, speech: float, voice: float = 0.02, noise: float = 0.98) -> Opinions:
    """Constant opinions, silent where the samples are."""
    count = -(-samples.size // round(STEP * RATE))
    padded = np.pad(samples, (0, count * round(STEP * RATE) - samples.size)).reshape(count, -1)
    heard = (np.abs(padded).max(axis=1) > 0.01).astype(np.float32)
    events = np.zeros((count, 3), np.float32)
    events[:, 0] = speech * heard
    broad = np.zeros((count, 3), np.float32)
    broad[:, 2] = noise
    broad[:, 0] = 1 - noise
    return Opinions(np.full(count, voice, np.float32), events, broad, np.full(count, -30, np.float32))


def call(seconds: float, hertz: np.ndarray | float, rough: float = 0.0) -> np.ndarray:
    """Harmonics, strongest near 1.5 kHz, with breath."""
    time = np.arange(round(seconds * RATE)) / RATE
    phase = 2 * np.pi * np.cumsum(np.broadcast_to(hertz, time.shape)) / RATE
    wave = sum(np.exp(-(((k * 400 - 1400) / 600) ** 2)) * np.sin(k * phase) for k in range(1, 9))
    breath = sosfilt(butter(2, [800, 4500], "band", fs=RATE, output="sos"), RNG.standard_normal(time.size))
    shape = np.minimum(1, np.minimum(time / 0.05, (seconds - time) / 0.08))
    return (0.3 * shape * (wave + rough * breath)).astype(np.float32)


def scene(seconds: float, *sounds: tuple[float, np.ndarray]) -> np.ndarray:
    out = 0.0005 * RNG.standard_normal(round(seconds * RATE)).astype(np.float32)
    for at, sound in sounds:
        first = round(at * RATE)
        out[first : first + sound.size] += sound
    return out


def labels(samples: np.ndarray, heard: Opinions) -> list[str]:
    return [str(one.value) for one in calls(samples, RATE, heard, 0.0)]


def test_a_cry_goes_on_and_is_rough() -> None:
    samples = scene(9, *[(0.3 + 1.1 * k, call(0.9, 420, rough=1.5)) for k in range(8)])
    assert labels(samples, opinions(samples, speech=0.95)) == ["baby_cry"]


def test_a_cat_calls_now_and_then() -> None:
    glide = np.linspace(420, 300, round(0.8 * RATE))
    samples = scene(9, *[(t, call(0.8, glide)) for t in (1.0, 4.0, 6.5)])
    assert labels(samples, opinions(samples, speech=0.9)) == ["meow"]


def test_barks_are_short() -> None:
    samples = scene(5, *[(t, call(0.2, np.linspace(500, 350, 3200))) for t in (1.0, 1.5, 3.0)])
    (found,) = calls(samples, RATE, opinions(samples, speech=0.1), 20.0)
    assert found.value == "dog_bark"
    assert found.attributes["sounds"] == 3
    assert found.span is not None
    assert found.span.start == pytest.approx(21.0, abs=0.05)


def test_glass_is_bright() -> None:
    time = np.arange(RATE) / RATE
    shards = RNG.standard_normal(RATE) * np.exp(-4 * time)
    bright = sosfilt(butter(4, 2500, "high", fs=RATE, output="sos"), shards).astype(np.float32)
    samples = scene(3, (1.0, 0.4 * bright))
    assert labels(samples, opinions(samples, speech=0.02)) == ["glass_breaking"]


def test_applause_is_broad_and_long() -> None:
    claps = RNG.standard_normal(5 * RATE).astype(np.float32)
    samples = scene(7, (1.0, 0.1 * sosfilt(butter(1, 4000, fs=RATE, output="sos"), claps)))
    assert "applause" in labels(samples, opinions(samples, speech=0.9))


def test_people_who_talk_are_no_animals() -> None:
    samples = scene(9, *[(0.3 + 1.1 * k, call(0.9, 220)) for k in range(8)])
    assert labels(samples, opinions(samples, speech=0.98, voice=0.95, noise=0.05)) == []
    assert find_bursts(np.zeros(RATE, np.float32), RATE) == []
    assert find_bursts(np.zeros(10, np.float32), RATE) == []


@pytest.mark.weights
def test_real_speech_makes_no_event() -> None:
    store = Store()
    stage = Sound()
    stage.setup(store)
    samples = soundfile.read(store.file("sample-media", "speech_2.wav"), dtype="float32")[0]
    assert labels(samples, stage._listen(samples)) == []
    stage.close()
