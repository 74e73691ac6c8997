"""Diarization: joining local voices to speakers, on made-up networks and on real voices."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile

from mmu.media.clip import Clip
from mmu.perception.diarization import diarize
from mmu.perception.speakers import Speakers
from mmu.signals import Signal, SignalSet, Span
from models.segmentation import FRAME_SECONDS, SpeakerSegmentation
from models.store import Store

RATE = 16000


class Room:
    """Voices that speak at known times: sample values name the set of voices, 1 and 2 one, 3 both."""

    def __init__(self, seconds: float, *turns: tuple[int, float, float]) -> None:
        self.samples = np.zeros(round(seconds * RATE), np.float32)
        for voice, start, end in turns:
            self.samples[round(start * RATE) : round(end * RATE)] += voice

    def read(self, start: float, end: float) -> np.ndarray:
        return self.samples[round(start * RATE) : round(end * RATE)]

    def segment(self, samples: np.ndarray) -> np.ndarray:
        """A perfect network, which numbers the voices by who is heard first in the window."""
        frames = samples[:: round(FRAME_SECONDS * RATE)].astype(int)
        bits = np.stack([frames & 1, frames >> 1 & 1], axis=1).astype(np.float32)
        order = np.argsort([np.argmax(row) if row.any() else 1e9 for row in bits.T])
        return np.pad(bits[:, order], ((0, 0), (0, 1)))

    def embed(self, samples: np.ndarray) -> np.ndarray | None:
        voice = int(np.median(samples))
        return np.eye(4, dtype=np.float32)[voice]


def test_voices_of_windows_become_speakers_with_their_turns() -> None:
    room = Room(30, (2, 1, 6), (1, 7, 15), (2, 16, 24), (1, 22, 28))
    found = diarize([Span(0, 30)], room.read, room.segment, room.embed)
    assert len(found) == 2
    first, second = found
    assert [pytest.approx((a, b), abs=0.1) for a, b in first.turns] == [(1, 6), (16, 24)]
    assert [pytest.approx((a, b), abs=0.1) for a, b in second.turns] == [(7, 15), (22, 28)]


def test_nobody_speaks() -> None:
    room = Room(5)
    assert diarize([Span(0, 5)], room.read, room.segment, room.embed) == []
    assert diarize([], room.read, room.segment, room.embed) == []


def test_a_short_region_and_a_short_answer() -> None:
    room = Room(12, (1, 0.2, 8), (2, 8.2, 9.0), (1, 9.2, 11))
    found = diarize([Span(0, 12)], room.read, room.segment, room.embed)
    assert len(found) == 1 or found[1].turns[0].seconds < 1.0
    assert sum(turn.seconds for turn in found[0].turns) > 9.0


@pytest.mark.weights
def test_segmentation_hears_who_speaks() -> None:
    store = Store()
    network = SpeakerSegmentation(store.file("pyannote-segmentation"))
    assert network.voices(np.zeros(RATE * 10, np.float32)).max() < 0.5
    speech = soundfile.read(store.file("sample-media", "speech_1.wav"), dtype="float32")[0]
    samples = np.concatenate([np.zeros(RATE, np.float32), speech[: RATE * 3], np.zeros(RATE, np.float32)])
    active = network.voices(samples)
    assert len(active) == pytest.approx(samples.size / RATE / FRAME_SECONDS, abs=1)
    heard = active.max(axis=1) > 0.5
    assert heard[int(1.3 / FRAME_SECONDS) : int(3.0 / FRAME_SECONDS)].mean() > 0.8
    assert heard[: int(0.8 / FRAME_SECONDS)].mean() < 0.1
    assert (active > 0.5).sum(axis=1).max() == 1


@pytest.mark.weights
def test_overlapping_voices_are_both_heard() -> None:
    store = Store()
    stage = Speakers()
    stage.setup(store)
    man, woman = (
        soundfile.read(store.file("sample-media", f"speech_{n}.wav"), dtype="float32")[0] for n in (1, 2)
    )
    overlap = RATE
    samples = np.zeros(man.size * 2 + woman.size - overlap, np.float32)
    samples[: man.size] += man
    samples[man.size - overlap : man.size - overlap + woman.size] += woman
    samples[-man.size :] += man
    heard = [Signal("speech.activity", None, 0.9, Span(0, samples.size / RATE), "test")]
    found = stage.run(Clip.from_arrays(audio=(samples, RATE)), SignalSet(heard))
    assert [signal.attributes["gender"] for signal in found] == ["male", "female"]
    middle = man.size / RATE - 0.5
    assert all(
        any(start - 0.4 <= middle <= end + 0.4 for start, end in signal.attributes["turns"])
        for signal in found
    )
