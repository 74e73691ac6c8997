"""Stage `regions`, which only an adapter runs: what covers which share of the picture, and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from mmu.perception.adapted.base import AdapterOptions
from mmu.perception.adapted.torchvision import TorchvisionOptions, TorchvisionStage
from mmu.perception.merge import choose_looks, stretches
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.torch.segmentation import Segmenter

_NOTHING = {"background", "__background__"}


class RegionOptions(TorchvisionOptions):
    """Options of `torchvision.segmentation`."""

    vocabulary: str = Field("coco", description="label map of the graph that the classes belong to")
    batch: int = Field(8, ge=1, le=4096, description="pictures run at a time")
    max_looks: int = Field(24, ge=1, description="frames looked at per video")
    min_share: float = Field(0.02, ge=0, le=1, description="least share of the picture that a class covers")
    min_score: float = Field(0.5, ge=0, le=1, description="least mean probability inside a region")


class TorchRegions(TorchvisionStage[RegionOptions, "Segmenter"]):
    """Classes of Pascal VOC, by the names that COCO has for them, or those of a network of your own."""

    name = "regions"
    needs = Needs(frames=True)
    emits = frozenset({"image.region"})
    cost = Cost(cpus=1.0, memory_mb=1500)
    Options: ClassVar[type[AdapterOptions]] = RegionOptions
    classes = "voc"
    several_clips = True

    def build(self, path: Path, **common: Any) -> Segmenter:
        from models.torch.segmentation import Segmenter

        return Segmenter(path, **common)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """One `image.region` a class and stretch of time in which it covers enough of the picture."""
        options = self.options
        looks = choose_looks(clip, limit=options.max_looks)
        places = looks.indices.tolist()
        seen = []
        for start in range(0, len(places), options.batch):
            frames = clip.frames(places[start : start + options.batch])
            seen += self._network.regions([frame.image for frame in frames])
        if not seen:
            return []
        shares = np.stack([one.shares for one in seen])
        certainty = np.stack([one.certainty for one in seen])
        there = (shares >= options.min_share) & (certainty >= options.min_score)
        out = []
        for c, name in enumerate(self._names):
            if name in _NOTHING:
                continue
            for span, at in stretches(looks, there[:, c]):
                out.append(
                    Signal(
                        "image.region",
                        name,
                        float(min(1.0, certainty[at, c].max())),
                        span if span.seconds > 0 else None,
                        self.source,
                        attributes={
                            "vocabulary": options.vocabulary,
                            "share": round(float(shares[at, c].mean()), 4),
                            "frames": len(at),
                        },
                    )
                )
        return out
