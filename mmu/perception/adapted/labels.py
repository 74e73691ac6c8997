"""Stage `labels` by one of torchvision's classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions
from mmu.perception.labels import embedding_signals, label_signals
from mmu.perception.merge import choose_looks
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs
from models.torch.labels import read_labels, shipped_labels

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store
    from models.torch.classification import Classifier


class LabelOptions(AdapterOptions):
    """Options of `torchvision.classification`."""

    variant: str | None = Field(None, description="published weights whose transforms are used")
    labels: Path | None = Field(None, description="file with one class a line, for a network of your own")
    vocabulary: str = Field("imagenet1k", description="label map of the graph that the classes belong to")
    max_looks: int = Field(60, ge=1, description="frames looked at per video")
    max_labels: int = Field(20, ge=1, description="labels emitted per video")
    min_score: float = Field(0.02, ge=0, le=1, description="labels below are left out")
    max_embeddings: int = Field(8, ge=0, description="keyframes whose features are kept")


class TorchLabels(AdaptedStage[LabelOptions]):
    """ImageNet labels, or those of a network of your own, and keyframe embeddings."""

    name = "labels"
    needs = Needs(frames=True)
    emits = frozenset({"image.label", "image.embedding"})
    cost = Cost(cpus=1.0, memory_mb=1500)
    Options: ClassVar[type[AdapterOptions]] = LabelOptions
    requires = ("torch", "torchvision")
    extra = "torch"

    _network: Classifier | None = None
    _names: tuple[str, ...] = ()

    def setup(self, store: Store, *, threads: int = 1) -> None:
        from models.torch.classification import Classifier

        options = self.options
        names = read_labels(options.labels) if options.labels else shipped_labels("imagenet1k")
        self._names = names
        self._network = self.load(
            store,
            lambda path, runtime: Classifier(
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
        if self._network is None:
            raise RuntimeError("TorchLabels.run before setup")
        options = self.options
        looks = choose_looks(clip, limit=options.max_looks)
        if len(looks.indices) == 0:
            return []
        seen = self._network.look([frame.image for frame in clip.frames(looks.indices.tolist())])
        labels = label_signals(
            looks,
            np.stack([look.probabilities for look in seen]).astype(np.float64),
            self._names,
            source=self.source,
            vocabulary=options.vocabulary,
            min_score=options.min_score,
            max_labels=options.max_labels,
        )
        embeddings = np.stack([look.embedding for look in seen])
        return labels + embedding_signals(looks, embeddings, source=self.source, most=options.max_embeddings)

    def close(self) -> None:
        self._network = None
        super().close()
