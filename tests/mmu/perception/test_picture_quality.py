"""Quality parts must order a photo and its damaged versions rightly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from benchmarks.degradations import Judge, degraded
from mmu.media.clip import Clip
from mmu.media.open import open_clip
from mmu.perception import quality_measures as measures
from mmu.perception.picture_quality import PictureQuality
from mmu.signals import Signal, SignalSet, Span
from models.store import Store

Picture = NDArray[np.uint8]
PHOTOS = ("astronaut", "coffee", "chelsea", "rocket")


def photo(name: str) -> Picture:
    return np.ascontiguousarray(getattr(data, name)()[:, :, ::-1])


def noisy(picture: Picture) -> Picture:
    noise = np.random.default_rng(0).normal(0, 18, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def blocky(picture: Picture) -> Picture:
    encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 10])[1]
    return np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR), dtype=np.uint8)


DAMAGE: dict[str, tuple[str, Callable[[Picture], Picture]]] = {
    "blur": ("sharpness", lambda p: cv2.GaussianBlur(p, (0, 0), 2.5)),
    "noise": ("noise", noisy),
    "jpeg": ("blockiness", blocky),
    "dark": ("exposure", lambda p: (p * 0.25).astype(np.uint8)),
    "flat": ("contrast", lambda p: (p * 0.3 + 90).astype(np.uint8)),
    "few tones": ("gradation", lambda p: (p // 32 * 32 + 16).astype(np.uint8)),
    "grey": ("colour", lambda p: np.repeat(p.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)),
    "pixels": ("blockiness", lambda p: np.repeat(np.repeat(p[::4, ::4], 4, axis=0), 4, axis=1)),
    "soft": ("aesthetics", lambda p: cv2.GaussianBlur(p, (0, 0), 4)),
}


@pytest.fixture(scope="module")
def stage() -> Iterator[PictureQuality]:
    stage = PictureQuality()
    stage.setup(Store())
    yield stage
    stage.close()


def parts(stage: PictureQuality, picture: Picture) -> dict[str, float]:
    with Clip.from_arrays(frames=[(0.0, picture)]) as clip:
        return {str(s.value): float(s.score or 0) for s in stage.run(clip, SignalSet())}


@pytest.mark.weights
@pytest.mark.parametrize("kind", DAMAGE)
@pytest.mark.parametrize("name", PHOTOS)
def test_damage_lowers_its_own_part(stage: PictureQuality, name: str, kind: str) -> None:
    part, spoil = DAMAGE[kind]
    good, bad = parts(stage, photo(name)), parts(stage, spoil(photo(name)))
    assert bad[part] < good[part] - (0.05 if part == "aesthetics" else 0.1)
    if kind in ("blur", "noise", "jpeg"):
        assert bad["naturalness"] < good["naturalness"]


@pytest.mark.weights
def test_overexposure_lowers_exposure(stage: PictureQuality) -> None:
    bright = np.clip(photo("coffee").astype(np.float32) * 3, 0, 255).astype(np.uint8)
    assert parts(stage, bright)["exposure"] < parts(stage, photo("coffee"))["exposure"] - 0.2


@pytest.mark.weights
def test_stills_have_no_parts_of_time_and_videos_do(stage: PictureQuality, tmp_path: Path) -> None:
    assert cv2.imwrite(str(tmp_path / "coffee.png"), photo("coffee"))
    with open_clip(tmp_path / "coffee.png") as clip:
        still = {str(s.value) for s in stage.run(clip, SignalSet())}
    assert "sharpness" in still
    assert not {"stability", "continuity"} & still
    frames = [(i * 0.1, photo("coffee")) for i in range(20)]
    with Clip.from_arrays(frames=frames, fps=10) as clip:
        frozen = Signal("media.frozen", None, None, Span(0.0, 1.0), "test")
        found = {str(s.value): s for s in stage.run(clip, SignalSet([frozen]))}
    assert found["continuity"].score == pytest.approx(0.5, abs=0.1)
    assert "stability" in found
    assert all(isinstance(s.attributes["raw"], float) for s in found.values())
    assert {s.kind for s in found.values()} <= PictureQuality.emits


@pytest.mark.weights
def test_an_empty_picture_is_no_reason_to_fail(stage: PictureQuality) -> None:
    found = parts(stage, np.zeros((64, 64, 3), np.uint8))
    assert "sharpness" not in found


@pytest.mark.weights
@pytest.mark.parametrize("kind", ["blur", "saturation", "contrast"])
def test_overall_quality_falls_with_the_strength_of_a_fault(kind: str) -> None:
    judge = Judge()
    scores = [judge.overall(spoilt) for spoilt in degraded(photo("coffee"), kind)]
    assert scores[-1] < scores[0] - (1 if kind == "saturation" else 5)
    assert sum(b >= a for a, b in pairwise(scores)) <= 1


@pytest.mark.weights
def test_bars_lower_the_resolution_that_is_left() -> None:
    assert Judge().overall(cv2.copyMakeBorder(photo("rocket"), 200, 200, 0, 0, cv2.BORDER_CONSTANT)) < (
        Judge().overall(photo("rocket"))
    )


def test_a_colour_cast_is_no_colourfulness() -> None:
    grey = np.repeat(photo("coffee").mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    blue = np.clip(grey.astype(int) + np.array([50, 0, -50]), 0, 255).astype(np.uint8)
    assert measures.colourfulness(grey) == pytest.approx(0.0, abs=0.01)
    assert measures.colour_cast(grey) < 0.2
    assert measures.colour_cast(blue) > 1.5
    assert measures.colour_score(10.0, 3.0) < measures.colour_score(10.0, 0.2)
