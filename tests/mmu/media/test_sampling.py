"""Sampling, cuts and statistics: decisions made frame by frame."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmu.errors import MediaError
from mmu.media import Clip
from mmu.media.cuts import CutDetector, correlation
from mmu.media.dense import DenseMeter
from mmu.media.sampler import Sampler, thumbnail

FLAT = np.zeros((18, 32), np.uint8)


def sampler(**changes: Any) -> Sampler:
    return Sampler(**({"interval": 0.5, "min_gap": 0.2, "change": 0.08, "max_frames": 600} | changes))


def test_two_a_second_when_nothing_changes() -> None:
    chosen = sampler()
    for i in range(1000):
        if chosen.wants(i / 25, FLAT, anchor=False):
            chosen.keep(i / 25, FLAT, anchor=False)
    times = [s.time for s in chosen.samples]
    assert len(times) == pytest.approx(80, abs=4)


def test_denser_where_the_picture_changes_and_at_shots() -> None:
    chosen = sampler()
    rng = np.random.default_rng(0)
    for i in range(100):
        thumb = rng.integers(0, 255, (18, 32), np.uint8) if 25 <= i < 50 else FLAT
        if chosen.wants(i / 25, thumb, anchor=i == 77):
            chosen.keep(i / 25, thumb, anchor=i == 77)
    times = np.array([s.time for s in chosen.samples])
    assert np.sum((times >= 1) & (times < 2)) >= 4
    assert 77 / 25 in times


@settings(max_examples=40, deadline=None)
@given(st.integers(2, 60), st.integers(1, 3000), st.integers(2, 400))
def test_the_cap_holds_and_the_cover_is_even(cap: int, count: int, shot_every: int) -> None:
    chosen = sampler(max_frames=cap)
    for i in range(count):
        anchor = i % shot_every == 0
        if chosen.wants(i * 0.5, FLAT, anchor=anchor):
            chosen.keep(i * 0.5, FLAT, anchor=anchor)
        if i % 7 == 0:
            chosen.release()
    kept = chosen.samples
    times = np.array([s.time for s in kept])
    assert 1 <= len(kept) <= cap
    assert times[0] == 0.0
    assert np.all(np.diff(times) > 0)
    assert len({s.slot for s in kept}) == len(kept)
    if cap >= 20 and count > cap:
        assert np.max(np.diff([*times, count * 0.5])) <= 12 * count * 0.5 / cap


def feed(pictures: list[Any]) -> list[float]:
    clip = Clip.from_arrays(frames=[(i / 25, p) for i, p in enumerate(pictures)], fps=25)
    return [float(t) for t in clip.cuts]


def test_cut_flash_and_brightness(make_texture: Any) -> None:
    a, b = make_texture(1), make_texture(2)
    assert feed([a] * 20 + [b] * 20) == [0.8]
    assert feed([a] * 20 + [np.full_like(a, 255)] + [a] * 20) == []
    darker = [(a * f).astype(np.uint8) for f in np.linspace(1, 0.2, 40)]
    assert feed(darker) == []
    grey = [np.repeat(p[..., :1], 3, axis=2) for p in (a, b)]
    assert feed([grey[0]] * 20 + [grey[1]] * 20) == [0.8]
    assert feed([a] * 20 + [b]) == [0.8]  # the last frame alone


def test_coloured_noise_in_the_dark_is_no_cut() -> None:
    rng = np.random.default_rng(0)
    dark = [rng.integers(0, 4, (120, 160, 3), np.uint8) for _ in range(30)]
    assert feed(dark) == []


def test_dissolve_is_no_hard_cut(make_texture: Any) -> None:
    a, b = make_texture(1).astype(float), make_texture(2).astype(float)
    mixed = [((1 - w) * a + w * b).astype(np.uint8) for w in np.linspace(0, 1, 25)]
    assert feed([mixed[0]] * 10 + mixed + [mixed[-1]] * 10) == []


def test_detector_reports_in_order(make_texture: Any) -> None:
    detector, meter = CutDetector(), DenseMeter()
    found = []
    for i in range(60):
        row = meter.measure(make_texture(i // 15))
        found += [t for t in [detector.push(float(i), row[2], row[3], meter.layout)] if t is not None]
    assert found + detector.flush() == [15.0, 30.0, 45.0]


def test_keyframes_alone(make_texture: Any) -> None:
    detector, meter = CutDetector(sparse=True), DenseMeter()
    found = []
    for i, seed in enumerate((1, 1, 2, 3, 3)):
        row = meter.measure(make_texture(seed))
        found.append(detector.push(i * 2.0, row[2], row[3], meter.layout))
    assert [t for t in found if t is not None] == [4.0, 6.0]


def test_statistics_of_a_moving_picture(make_texture: Any) -> None:
    wide = make_texture(6, 320, 90)
    views = [np.ascontiguousarray(wide[:, 4 * i : 4 * i + 160]) for i in range(10)]
    clip = Clip.from_arrays(frames=[(i / 10, v) for i, v in enumerate(views)], fps=10)
    # The view moves right by 4 of 160 pixels, so the picture moves left.
    assert np.median(clip.dense.dx[1:]) == pytest.approx(-4 / 160, abs=0.006)
    assert np.median(np.abs(clip.dense.dy[1:])) < 0.003
    assert clip.dense.luma[0] == pytest.approx(float(views[0].mean()), abs=12)
    assert clip.dense.diff[0] == clip.dense.content[0] == 0
    assert np.all((clip.dense.response >= 0) & (clip.dense.response <= 1))


def test_measuring_does_not_alter_the_layout(make_texture: Any) -> None:
    meter = DenseMeter()
    meter.measure(make_texture(1, 160, 90))
    before = meter.layout
    copy = before.copy()
    meter.measure(make_texture(2, 160, 90))
    assert np.array_equal(before, copy)


def test_correlation() -> None:
    rng = np.random.default_rng(0)
    a = rng.random((20, 30)).astype(np.float32) * 255
    assert correlation(a, a * 0.5 + 10) == pytest.approx(1, abs=1e-4)
    assert correlation(a, 255 - a) == pytest.approx(-1, abs=1e-4)
    flat = np.full((20, 30), 9, np.float32)
    assert correlation(flat, flat) == 1.0
    assert correlation(flat, a) == 0.0


def test_thumbnail_shape(make_texture: Any) -> None:
    assert thumbnail(make_texture(1)[..., 0]).shape == (18, 32)


def test_from_arrays(make_texture: Any, make_tone: Any) -> None:
    frames = [(i / 10, make_texture(1)) for i in range(20)]
    clip = Clip.from_arrays(frames=frames, audio=(make_tone(2.5, 48000), 48000), fps=10)
    assert clip.duration == pytest.approx(2.5)
    assert clip.audio(16000).shape == (40000,)
    assert clip.audio(44100, 1.0, 2.0).shape == (44100, 2)
    assert clip.frame(-1).index == 19
    assert np.array_equal(clip.frame(3).image, frames[3][1])
    assert clip.sha256 != Clip.from_arrays(frames=frames[1:]).sha256
    with pytest.raises(MediaError, match="frames or audio"):
        Clip.from_arrays()
    with pytest.raises(MediaError, match="one size"):
        Clip.from_arrays(frames=[(0.0, make_texture(1)), (1.0, make_texture(1, 80, 60))])
    with pytest.raises(MediaError, match="rise"):
        Clip.from_arrays(frames=[(1.0, frames[0][1]), (0.5, frames[0][1])])
