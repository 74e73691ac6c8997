"""Stage `regions`, which only an adapter runs: what covers which share of the picture, and when."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions
from mmu.perception.merge import choose_looks, stretches
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs
from models.torch.labels import read_labels, shipped_labels

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store
    from models.torch.segmentation import Segmenter

_NOTHING = {"background", "__background__"}


class RegionOptions(AdapterOptions):
    """Options of `torchvision.segmentation`."""

    variant: str | None = Field(None, description="published weights whose transforms are used")
    labels: Path | None = Field(
        None, description="file with one class a line, the background first, for a network of your own"
    )
    vocabulary: str = Field("coco", description="label map of the graph that the classes belong to")
    batch: int = Field(8, ge=1, le=4096, description="pictures run at a time")
    max_looks: int = Field(24, ge=1, description="frames looked at per video")
    min_share: float = Field(0.02, ge=0, le=1, description="least share of the picture that a class covers")
    min_score: float = Field(0.5, ge=0, le=1, description="least mean probability inside a region")


class TorchRegions(AdaptedStage[RegionOptions]):
    """Classes of Pascal VOC, by the names that COCO has for them, or those of a network of your own."""

    name = "regions"
    needs = Needs(frames=True)
    emits = frozenset({"image.region"})
    cost = Cost(cpus=1.0, memory_mb=1500)
    Options: ClassVar[type[AdapterOptions]] = RegionOptions
    requires = ("torch", "torchvision")
    extra = "torch"

    _network: Segmenter | None = None
    _names: tuple[str, ...] = ()

    def setup(self, store: Store, *, threads: int = 1) -> None:
        from models.torch.segmentation import Segmenter

        options = self.options
        names = read_labels(options.labels) if options.labels else shipped_labels("voc")
        self._names = names
        self._network = self.load(
            store,
            lambda path, runtime: Segmenter(
                path,
                options.model,
                classes=len(names),
                variant=options.variant,
                runtime=runtime,
                batch=options.batch,
            ),
            threads=threads,
        )

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """One `image.region` a class and stretch of time in which it covers enough of the picture."""
        if self._network is None:
            raise RuntimeError("TorchRegions.run before setup")
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

    def close(self) -> None:
        self._network = None
        super().close()
