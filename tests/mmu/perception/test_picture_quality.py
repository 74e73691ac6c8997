"""Quality parts must order a photo and its damaged versions rightly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from mmu.media.clip import Clip
from mmu.media.open import open_clip
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
    assert bad[part] < good[part] - 0.1
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
