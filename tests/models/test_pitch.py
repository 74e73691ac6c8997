"""SwiftF0: pitch of tones that are known, silence, and windows that leave no seam."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from models.pitch import HOP, SAMPLE_RATE, SwiftF0
from models.store import Store

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def network() -> SwiftF0:
    return SwiftF0(Store().file("swift-f0"))


def tone(hertz: NDArray[np.float64]) -> NDArray[np.float32]:
    phase = 2 * np.pi * np.cumsum(hertz) / SAMPLE_RATE
    return np.asarray(0.1 * sum(np.sin(n * phase) / n for n in range(1, 8)), np.float32)


def test_a_glide_is_followed(network: SwiftF0) -> None:
    truth = np.geomspace(100, 800, 4 * SAMPLE_RATE)
    found = network.track(tone(truth))
    cents = 1200 * np.abs(np.log2(found.hertz / truth[::HOP][: len(found.hertz)]))
    assert (found.confidence > 0.5).mean() > 0.95
    assert (cents < 50).mean() > 0.95


def test_a_long_tone_has_no_seam(network: SwiftF0) -> None:
    found = network.track(tone(np.full(70 * SAMPLE_RATE, 220.0)))
    assert len(found.hertz) == 70 * SAMPLE_RATE // HOP
    assert np.abs(1200 * np.log2(found.hertz[20:-20] / 220)).max() < 20


def test_silence_and_nothing_have_no_pitch(network: SwiftF0) -> None:
    assert network.track(np.zeros(SAMPLE_RATE, np.float32)).confidence.max() == 0
    assert len(network.track(np.zeros(100, np.float32)).hertz) == 0


def test_an_impossible_range_is_refused(network: SwiftF0) -> None:
    with pytest.raises(ValueError, match="not within"):
        network.track(np.zeros(SAMPLE_RATE, np.float32), lowest=20)
