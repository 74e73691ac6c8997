"""Quality of the picture, technical and aesthetic, in parts from 0 (bad) to 1 (good)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception import quality_measures as measures
from mmu.perception.aesthetics import Aesthetics, aesthetics
from mmu.perception.bars import picture_area
from mmu.perception.camera import shake_level
from mmu.perception.merge import choose_looks, whole
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs, Stage
from models.brisque import Brisque

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

_SOURCE = "picture-quality@1"
_BRISQUE_SOURCE = "brisque@live-2012"
_SIDE = 768


class PictureQuality(Stage):
    """Parts of the quality, each the median over the frames looked at.

    Args:
        max_looks: frames looked at per video.
        max_brisque: of these, frames that the slower BRISQUE looks at.
    """

    name = "picture_quality"
    needs = Needs(frames=True, wants=frozenset({"media.black", "media.frozen", "media.letterbox"}))
    emits = frozenset({"image.quality"})
    cost = Cost(cpus=1.0, memory_mb=120, seconds=2.0)
    models = ("brisque",)

    def __init__(self, *, max_looks: int = 12, max_brisque: int = 5) -> None:
        self.max_looks = max_looks
        self.max_brisque = max_brisque
        self._brisque: Brisque | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._brisque = Brisque(store.file("brisque", "svm.txt"), store.file("brisque", "normalize.json"))

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._brisque is None:
            raise RuntimeError("PictureQuality.run before setup")
        looks = choose_looks(clip, limit=self.max_looks, min_change=0.1)
        rows: list[tuple[float, ...]] = []
        pleasing: list[Aesthetics] = []
        natural: list[float] = []
        every = max(1, -(-len(looks.indices) // self.max_brisque))
        for number, frame in enumerate(clip.frames(looks.indices.tolist())):
            area = picture_area(np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), dtype=np.uint8))
            image = np.ascontiguousarray(area.cut(frame.image))
            grey = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
            if min(grey.shape) < 32 or float(grey.std()) < 2:
                continue
            rows.append(_measure(image, grey, native=clip.scale == 1))
            pleasing.append(aesthetics(image))
            if number % every == 0:
                natural.append(self._brisque.score(_fit(grey)))
        parts = _parts(rows)
        if natural:
            value = float(np.median(natural))
            parts["naturalness"] = (measures.naturalness_score(value), value)
        if pleasing:
            parts["aesthetics"] = (float(np.median([one.score for one in pleasing])),) * 2
        parts |= _of_file(clip, signals) | _of_time(clip, signals)
        beauty = (
            dict(zip(Aesthetics._fields, np.median(np.array(pleasing), axis=0), strict=True))
            if pleasing
            else {}
        )
        return [
            Signal(
                "image.quality",
                name,
                score,
                whole(clip),
                _BRISQUE_SOURCE if name == "naturalness" else _SOURCE,
                attributes={"raw": round(raw, 4)}
                | ({k: round(float(v), 3) for k, v in beauty.items()} if name == "aesthetics" else {}),
            )
            for name, (score, raw) in parts.items()
        ]

    def close(self) -> None:
        self._brisque = None


def _measure(image: NDArray[np.uint8], grey: NDArray[np.uint8], *, native: bool) -> tuple[float, ...]:
    fitted = _fit(grey)
    small = np.asarray(cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.uint8)
    return (
        measures.blur_effect(fitted),
        measures.noise_sigma(fitted),
        # scaling moves blocks off their grid and fills missing tones: judged at the source's own size only
        measures.blockiness(grey) if native else float("nan"),
        measures.exposure_fault(fitted),
        measures.contrast_range(fitted),
        measures.colourfulness(small),
        measures.colour_cast(small),
        measures.gradation(grey) if native else float("nan"),
    )


def _parts(rows: list[tuple[float, ...]]) -> dict[str, tuple[float, float]]:
    if not rows:
        return {}
    medians = (float(v) for v in np.median(np.array(rows), axis=0))
    blur, noise, blocks, exposure, contrast, colourful, cast, tones = medians
    parts = {
        "sharpness": (measures.sharpness_score(blur), blur),
        "noise": (measures.noise_score(noise), noise),
        "exposure": (1 - exposure, exposure),
        "contrast": (measures.contrast_score(contrast), contrast),
        "colour": (measures.colour_score(colourful, cast), colourful),
    }
    if not np.isnan(blocks):
        parts["blockiness"] = (measures.blockiness_score(blocks), blocks)
        parts["gradation"] = (measures.gradation_score(tones), tones)
    return parts


def _of_file(clip: Clip, signals: SignalSet) -> dict[str, tuple[float, float]]:
    """Resolution: the lines of the picture inside its bars."""
    video = clip.facts.video
    if video is None:
        return {}
    width, height = float(video.width), float(video.height)
    boxes = [one.box for one in signals.of("media.letterbox") if one.box is not None]
    if boxes:
        largest = max(boxes, key=lambda box: box.area)
        width, height = min(width, largest.w), min(height, largest.h)
    return {"resolution": (measures.resolution_score(width, height), min(width, height))}


def _of_time(clip: Clip, signals: SignalSet) -> dict[str, tuple[float, float]]:
    """Parts that need time: stability and continuity of a video; and the share of bars."""
    lost = max((float(s.attributes.get("lost", 0.0)) for s in signals.of("media.letterbox")), default=0.0)
    parts = {"picture_area": (1 - lost, lost)}
    if clip.still or clip.duration <= 0:
        return parts
    shake = shake_level(clip.dense.dx, clip.dense.dy, clip.dense.response)
    parts["stability"] = (measures.stability_score(shake), shake)
    stopped = sum(s.span.seconds for s in signals.of("media.black", "media.frozen") if s.span)
    share = min(1.0, stopped / clip.duration)
    parts["continuity"] = (1 - share, share)
    return parts


def _fit(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _SIDE / max(grey.shape)
    if scale >= 1:
        return grey
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
