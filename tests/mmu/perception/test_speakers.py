"""Speakers: clustering, and the stage on two real voices."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import soundfile

from mmu.media.clip import Clip
from mmu.perception.speaker_clusters import centroid, cluster
from mmu.perception.speakers import Speakers
from mmu.signals import Signal, SignalSet, Span
from models.store import Store

RATE = 16000


def around(centre: int, count: int, rng: np.random.Generator) -> np.ndarray:
    vectors = rng.normal(0, 0.03, (count, 32)).astype(np.float32)
    vectors[:, centre] += 1
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)


def test_clusters_are_numbered_as_they_speak() -> None:
    rng = np.random.default_rng(0)
    a, b = around(3, 4, rng), around(9, 4, rng)
    mixed = np.stack([b[0], a[0], b[1], a[1], a[2], b[2], a[3], b[3]])
    assert cluster(mixed, np.full(8, 3.0)).tolist() == [0, 1, 0, 1, 1, 0, 1, 0]


def test_a_voice_of_a_moment_joins_its_neighbour() -> None:
    rng = np.random.default_rng(1)
    vectors = np.concatenate([around(3, 3, rng), around(9, 1, rng)])
    assert cluster(vectors, np.array([3.0, 3.0, 3.0, 0.6])).tolist() == [0, 0, 0, 0]
    assert cluster(vectors, np.array([3.0, 3.0, 3.0, 3.0])).tolist() == [0, 0, 0, 1]


def test_one_piece_and_none() -> None:
    assert cluster(np.ones((1, 4), np.float32), np.ones(1)).tolist() == [0]
    assert cluster(np.empty((0, 4), np.float32), np.empty(0)).tolist() == []
    assert np.linalg.norm(centroid(np.eye(3, dtype=np.float32))) == pytest.approx(1.0)


@pytest.mark.weights
def test_two_real_voices() -> None:
    store = Store()
    stage = Speakers()
    stage.setup(store)
    man, woman = (
        soundfile.read(store.file("sample-media", f"speech_{n}.wav"), dtype="float32")[0] for n in (1, 2)
    )
    samples = np.concatenate([man, woman, man])
    edges = np.cumsum([0, man.size, woman.size, man.size]) / RATE
    heard = [Signal("speech.activity", None, 0.9, Span(a, b), "test") for a, b in itertools.pairwise(edges)]
    found = stage.run(Clip.from_arrays(audio=(samples, RATE)), SignalSet(heard))
    assert [signal.value for signal in found] == ["speaker_1", "speaker_2"]
    assert [signal.attributes["gender"] for signal in found] == ["male", "female"]
    assert len(found[0].attributes["turns"]) == 2
    assert found[0].embedding is not None
    assert found[0].embedding.shape == (192,)
    sung = [Signal("audio.segment", "singing", 0.9, Span(0, 60), "test")]
    assert stage.run(Clip.from_arrays(audio=(samples, RATE)), SignalSet([*heard, *sung])) == []
