"""DNSMOS: what listeners would say of clean and of noisy speech."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from models.speech_quality import SAMPLE_RATE, SpeechQuality
from models.store import Store


@pytest.mark.weights
def test_noise_costs_points_in_the_right_place() -> None:
    store = Store()
    network = SpeechQuality(store.file("dnsmos"))
    clean = soundfile.read(store.file("sample-media", "speech_1.wav"), dtype="float32")[0]
    noise = np.random.default_rng(0).standard_normal(clean.size).astype(np.float32)
    levels = [network.score(clean + gain * float(np.std(clean)) * noise) for gain in (0.0, 0.1, 0.6)]
    overall = [one.overall for one in levels]
    assert overall == sorted(overall, reverse=True)
    assert overall[0] > 2.8
    assert overall[0] - overall[-1] > 0.8
    assert levels[0].background - levels[-1].background > 1.0
    assert all(1 <= value <= 5 for one in levels for value in one)


@pytest.mark.weights
def test_any_length_can_be_rated_but_none() -> None:
    network = SpeechQuality(Store().file("dnsmos"))
    tone = np.sin(np.arange(SAMPLE_RATE * 20) / 10).astype(np.float32)
    assert network.score(tone[:100]).overall < 3
    assert network.score(tone).overall < 3
    with pytest.raises(ValueError, match="no samples"):
        network.score(tone[:0])
