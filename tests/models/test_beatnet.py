"""The beat network: its features against madmom's, and beats of a drum on the real weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from models.beatnet import FRAMES_PER_SECOND, SAMPLE_RATE, BeatNet, features
from models.convert import convert
from models.errors import ModelError
from models.store import Store


def test_features_are_those_of_madmom() -> None:
    i = np.arange(22050, dtype=np.float64)
    hum = 0.3 * np.sin(i * 0.037) * (1 + np.sign(np.sin(i * 0.0011)))
    found = features((hum + 0.1 * np.cos(i * i * 1e-5)).astype(np.float32))
    # computed once by madmom-infer 0.2.0 with the processors that BeatNet names
    expected = [
        [2.035854, 0.553638, 0.116587, 0.035416, 0.018899, 0.0, 0.0, 0.0],
        [2.059278, 0.53764, 0.35818, 0.151697, 0.08736, 0.373002, 0.28312, 0.183178],
        [2.290622, 0.398432, 0.140743, 0.051304, 0.028104, 0.0, 0.0, 0.0],
        [0.029388, 0.03082, 0.078584, 0.005837, 0.001302, 0.03006, 0.032736, 0.0],
    ]
    assert found.shape == (50, 272)
    chosen = found[[0, 13, 27, 49]][:, [5, 20, 60, 100, 135, 150, 166, 200]]
    assert np.allclose(chosen, expected, atol=1e-5)


def test_what_is_no_checkpoint_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pt"
    path.write_bytes(b"no zip")
    with pytest.raises(ModelError, match="beatnet"):
        convert("beatnet", {"weights.pt": path})


@pytest.mark.weights
def test_a_drum_is_heard_where_it_sounds() -> None:
    network = BeatNet(Store().file("beatnet"))
    draw = np.random.default_rng(5)
    samples = np.zeros(12 * SAMPLE_RATE, np.float32)
    hit = draw.standard_normal(3000).astype(np.float32) * np.exp(-np.arange(3000) / 500)
    for beat in np.arange(0, 11.5, 0.5):
        first = int(beat * SAMPLE_RATE)
        samples[first : first + 3000] += 0.5 * hit
    likely = network.probabilities(samples).sum(axis=1)
    assert likely.shape == (12 * FRAMES_PER_SECOND,)
    on, off = likely[100:550:25], likely[112:550:25]
    assert np.median(on) > 3 * np.median(off)
    assert network.probabilities(np.zeros(0, np.float32)).shape == (0, 2)
