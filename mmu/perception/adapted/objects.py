"""Stage `objects` by one of torchvision's detectors."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions
from mmu.perception.merge import choose_looks
from mmu.perception.objects import object_signals
from mmu.perception.tracks import Sighting
from mmu.signals import Box, Signal, SignalSet
from mmu.stage import Cost, Needs
from models.torch.labels import read_labels, shipped_labels

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store
    from models.torch.detection import Detector

#: names of classes that no object has
_NOTHING = {"__background__", "N/A"}


class ObjectOptions(AdapterOptions):
    """Options of `torchvision.detection`."""

    variant: str | None = Field(None, description="which published weights the file is, as COCO_V1")
    labels: Path | None = Field(
        None, description="file with one class a line, the background first, for a network of your own"
    )
    vocabulary: str = Field("coco", description="label map of the graph that the classes belong to")
    side: int | None = Field(
        None, ge=64, le=4096, description="short side of the search in pixels; default: as published"
    )
    batch: int = Field(8, ge=1, le=4096, description="pictures run at a time")
    max_looks: int = Field(60, ge=1, description="frames looked at per video")
    min_score: float = Field(0.5, ge=0, le=1, description="least score of one sighting")
    max_tracks: int = Field(40, ge=1, description="tracks emitted per video, best first")
    max_per_label: int = Field(12, ge=1, description="of these, tracks of one label")


class TorchObjects(AdaptedStage[ObjectOptions]):
    """COCO objects, or those of a network of your own, as tracks."""

    name = "objects"
    needs = Needs(frames=True)
    emits = frozenset({"image.object"})
    cost = Cost(cpus=1.0, memory_mb=1800)
    Options: ClassVar[type[AdapterOptions]] = ObjectOptions
    requires = ("torch", "torchvision")
    extra = "torch"

    _network: Detector | None = None
    _names: tuple[str, ...] = ()

    def setup(self, store: Store, *, threads: int = 1) -> None:
        from models.torch.detection import Detector

        options = self.options
        names = read_labels(options.labels) if options.labels else shipped_labels("coco")
        self._names = names
        self._network = self.load(
            store,
            lambda path, runtime: Detector(
                path,
                options.model,
                classes=len(names),
                variant=options.variant,
                side=options.side,
                runtime=runtime,
                batch=options.batch,
            ),
            threads=threads,
        )

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._network is None:
            raise RuntimeError("TorchObjects.run before setup")
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

    def close(self) -> None:
        self._network = None
        super().close()
