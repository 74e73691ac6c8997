"""Stage `objects` by one of torchvision's detectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from mmu.perception.adapted.base import AdapterOptions
from mmu.perception.adapted.torchvision import TorchvisionOptions, TorchvisionStage
from mmu.perception.merge import choose_looks
from mmu.perception.objects import object_signals
from mmu.perception.tracks import Sighting
from mmu.signals import Box, Signal, SignalSet
from mmu.stage import Cost, Needs

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.torch.detection import Detector

#: names of classes that no object has
_NOTHING = {"__background__", "N/A"}


class ObjectOptions(TorchvisionOptions):
    """Options of `torchvision.detection`."""

    vocabulary: str = Field("coco", description="label map of the graph that the classes belong to")
    side: int | None = Field(
        None, ge=64, le=4096, description="short side of the search in pixels; default: as published"
    )
    batch: int = Field(8, ge=1, le=4096, description="pictures run at a time")
    max_looks: int = Field(60, ge=1, description="frames looked at per video")
    min_score: float = Field(0.5, ge=0, le=1, description="least score of one sighting")
    max_tracks: int = Field(40, ge=1, description="tracks emitted per video, best first")
    max_per_label: int = Field(12, ge=1, description="of these, tracks of one label")


class TorchObjects(TorchvisionStage[ObjectOptions, "Detector"]):
    """COCO objects, or those of a network of your own, as tracks."""

    name = "objects"
    needs = Needs(frames=True)
    emits = frozenset({"image.object"})
    cost = Cost(cpus=1.0, memory_mb=1800)
    Options: ClassVar[type[AdapterOptions]] = ObjectOptions
    classes = "coco"
    several_clips = True

    def build(self, path: Path, **common: Any) -> Detector:
        from models.torch.detection import Detector

        return Detector(path, side=self.options.side, **common)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        options = self.options
        looks = choose_looks(clip, limit=options.max_looks)
        places = looks.indices.tolist()
        sightings: list[list[Sighting]] = []
        for start in range(0, len(places), options.batch):
            frames = list(clip.frames(places[start : start + options.batch]))
            found = self._network.detect([frame.image for frame in frames], threshold=options.min_score)
            for frame, row in zip(frames, found, strict=True):
                number = len(sightings)
                shot = int(looks.shots[number])
                sightings.append(
                    [
                        Sighting(
                            number,
                            frame.time,
                            shot,
                            self._names[one.label],
                            one.score,
                            Box(one.x, one.y, one.w, one.h).scaled(clip.scale),
                        )
                        for one in row
                        if self._names[one.label] not in _NOTHING
                    ]
                )
        return object_signals(
            sightings,
            looks,
            source=self.source,
            vocabulary=options.vocabulary,
            max_tracks=options.max_tracks,
            max_per_label=options.max_per_label,
        )
