"""Music with known melodies, made of sine waves, for the tests of the song library."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import numpy as np
import pytest
from numpy.typing import NDArray

from mmu.songs.fingerprint import RATE, landmarks
from mmu.songs.library import NewTrack, SongLibrary

FloatArray: TypeAlias = NDArray[np.float32]


def make_tune(seed: int, seconds: float = 20.0) -> FloatArray:
    """Three voices of random notes of a scale with five harmonics."""
    draw = np.random.default_rng(seed)
    out = np.zeros(int(seconds * RATE), np.float32)
    for octave in (48, 60, 72):
        at = 0.0
        while at < seconds:
            length = float(draw.choice((0.25, 0.5, 0.75)))
            pitch = octave + int(draw.choice((0, 2, 4, 5, 7, 9, 11)))
            first = int(at * RATE)
            time = np.arange(min(int(length * RATE), out.size - first)) / RATE
            f0 = 440 * 2 ** ((pitch - 69) / 12)
            tone = sum(np.sin(2 * np.pi * f0 * n * time) / n for n in range(1, 6))
            out[first : first + time.size] += 0.1 * tone * np.exp(-3 * time)
            at += length
    return out


def as_new(seed: int) -> NewTrack:
    samples = make_tune(seed)
    return NewTrack(
        f"tune {seed}", f"/music/{seed}.ogg", f"{seed:064}", samples.size / RATE, landmarks(samples)
    )


@pytest.fixture
def tune() -> Callable[..., FloatArray]:
    return make_tune


@pytest.fixture
def new_track() -> Callable[[int], NewTrack]:
    return as_new


@pytest.fixture(scope="session")
def tracks() -> list[NewTrack]:
    return [as_new(seed) for seed in range(12)]


@pytest.fixture
def library(tmp_path: Path, tracks: list[NewTrack]) -> SongLibrary:
    made = SongLibrary(tmp_path / "songs")
    made.add(tracks[:5])
    made.add(tracks[5:])
    return made
