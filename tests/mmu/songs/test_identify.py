"""Recognition: which track, from where, at which speed, and when to say unknown."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from mmu.songs.fingerprint import RATE, SHIFT_BITS, landmarks, peaks
from mmu.songs.identify import cut, identify, identify_window
from mmu.songs.library import SongLibrary

Tune = Callable[..., NDArray[np.float32]]


def at_speed(samples: NDArray[np.float32], factor: float) -> NDArray[np.float32]:
    return np.interp(np.arange(0, samples.size - 1, factor), np.arange(samples.size), samples).astype(
        np.float32
    )


@pytest.mark.parametrize("seed", range(12))
def test_an_excerpt_in_noise_is_found_with_its_offset(library: SongLibrary, tune: Tune, seed: int) -> None:
    excerpt = tune(seed)[7 * RATE : 15 * RATE]
    noise = np.random.default_rng(seed).standard_normal(excerpt.size).astype(np.float32)
    found = identify_window(library, excerpt + noise * excerpt.std())
    assert found is not None
    assert found.track.name == f"tune {seed}"
    assert found.offset == pytest.approx(7.0, abs=0.05)
    assert found.speed == pytest.approx(1.0, abs=0.01)
    assert found.peaks >= found.runner_up + 9


@pytest.mark.parametrize("factor", [0.93, 0.97, 1.01, 1.05, 1.1])
def test_speed_and_pitch_are_measured(library: SongLibrary, tune: Tune, factor: float) -> None:
    found = identify_window(library, at_speed(tune(3), factor)[2 * RATE : 10 * RATE])
    assert found is not None
    assert found.track.name == "tune 3"
    assert found.speed == pytest.approx(factor, abs=0.01)
    assert found.pitch == pytest.approx(12 * np.log2(factor), abs=0.35)
    assert found.offset == pytest.approx(2 * factor, abs=0.1)


def test_what_is_not_in_the_library_is_unknown(library: SongLibrary, tune: Tune) -> None:
    others = [tune(seed, 8.0) for seed in range(500, 530)]
    noise = np.random.default_rng(0).standard_normal(8 * RATE).astype(np.float32)
    silence = np.zeros(8 * RATE, np.float32)
    assert [identify_window(library, query) for query in [*others, noise, silence]] == [None] * 32


def test_too_little_audio_is_unknown(library: SongLibrary, tune: Tune) -> None:
    assert identify_window(library, tune(1)[: 2 * RATE]) is None
    assert identify_window(library, np.zeros(0, np.float32)) is None


def test_a_recording_of_two_tracks_has_two_spans(library: SongLibrary, tune: Tune) -> None:
    gap = 0.01 * np.random.default_rng(1).standard_normal(15 * RATE).astype(np.float32)
    recording = np.concatenate([tune(2), gap, tune(9)[4 * RATE :]])
    pieces = cut(recording.size / RATE)
    windows = ((start, recording[int(start * RATE) : int(end * RATE)]) for start, end in pieces)
    found = identify(library, windows)
    assert [match.track.name for match in found] == ["tune 2", "tune 9"]
    assert found[0].start == 0
    assert found[0].offset == pytest.approx(0, abs=0.05)
    # Where the second track would be at the time at which its span begins.
    assert found[1].offset == pytest.approx(found[1].start - 35 + 4, abs=0.1)


def test_windows_cover_everything() -> None:
    assert cut(12.0) == [(0.0, 12.0)]
    for duration in (13.1, 60.0, 61.7):
        pieces = cut(duration)
        assert pieces[0][0] == 0
        assert pieces[-1][1] == pytest.approx(duration)
        assert all(later[0] <= earlier[1] for earlier, later in itertools.pairwise(pieces))


def test_a_key_one_bin_higher_is_the_same_triplet(tune: Tune) -> None:
    samples = tune(4)
    plain, raised = landmarks(samples), landmarks(at_speed(samples, 2 ** (1 / 36)))
    shifted = set((plain.key.astype(np.int64) + (1 << SHIFT_BITS)).tolist())
    shared = len(shifted & set(raised.key.tolist())) / len(shifted)
    unshifted = len(set(plain.key.tolist()) & set(raised.key.tolist())) / len(shifted)
    assert shared > 0.3 > 3 * unshifted


def test_silence_has_no_landmarks_and_density_is_kept(tune: Tune) -> None:
    assert len(landmarks(np.zeros(5 * RATE, np.float32)).key) == 0
    assert len(peaks(tune(1), density=10).frame) <= 10 * 20
