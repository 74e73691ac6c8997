"""Technical quality of the picture, in parts from 0 (bad) to 1 (good)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception import quality_measures as measures
from mmu.perception.bars import Area, picture_area
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
    """Parts of the technical quality, each the median over the frames looked at.

    Args:
        max_looks: frames looked at per video.
        max_brisque: of these, frames that the slower BRISQUE looks at.
    """

    name = "picture_quality"
    needs = Needs(frames=True, wants=frozenset({"media.black", "media.frozen", "media.letterbox"}))
    emits = frozenset({"image.quality"})
    cost = Cost(cpus=1.0, memory_mb=120)
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
        natural: list[float] = []
        every = max(1, -(-len(looks.indices) // self.max_brisque))
        for number, frame in enumerate(clip.frames(looks.indices.tolist())):
            grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)
            grey = _inside(grey)
            if min(grey.shape) < 32 or float(grey.std()) < 2:
                continue
            rows.append(_measure(grey, native=clip.scale == 1))
            if number % every == 0:
                natural.append(self._brisque.score(_fit(grey)))
        parts = _parts(rows)
        if natural:
            value = float(np.median(natural))
            parts["naturalness"] = (measures.naturalness_score(value), value)
        parts |= _of_file(clip) | _of_time(clip, signals)
        return [
            Signal(
                "image.quality",
                name,
                score,
                whole(clip),
                _BRISQUE_SOURCE if name == "naturalness" else _SOURCE,
                attributes={"raw": round(raw, 4)},
            )
            for name, (score, raw) in parts.items()
        ]

    def close(self) -> None:
        self._brisque = None


def _measure(grey: NDArray[np.uint8], *, native: bool) -> tuple[float, ...]:
    fitted = _fit(grey)
    return (
        measures.blur_effect(fitted),
        measures.noise_sigma(fitted),
        # scaling moves the blocks off their grid, so it is only looked for at the source's own size
        measures.blockiness(grey) if native else float("nan"),
        measures.exposure_fault(fitted),
        measures.contrast_range(fitted),
    )


def _parts(rows: list[tuple[float, ...]]) -> dict[str, tuple[float, float]]:
    if not rows:
        return {}
    blur, noise, blocks, exposure, contrast = (float(v) for v in np.median(np.array(rows), axis=0))
    parts = {
        "sharpness": (measures.sharpness_score(blur), blur),
        "noise": (measures.noise_score(noise), noise),
        "exposure": (1 - exposure, exposure),
        "contrast": (measures.contrast_score(contrast), contrast),
    }
    if not np.isnan(blocks):
        parts["blockiness"] = (measures.blockiness_score(blocks), blocks)
    return parts


def _of_file(clip: Clip) -> dict[str, tuple[float, float]]:
    video = clip.facts.video
    if video is None:
        return {}
    lines = float(min(video.width, video.height))
    return {"resolution": (measures.resolution_score(video.width, video.height), lines)}


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


def _inside(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    area: Area = picture_area(grey)
    return area.cut(grey)


def _fit(grey: NDArray[np.uint8]) -> NDArray[np.uint8]:
    scale = _SIDE / max(grey.shape)
    if scale >= 1:
        return grey
    return np.asarray(cv2.resize(grey, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
