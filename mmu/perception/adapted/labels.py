"""Stage `labels` by one of torchvision's classifiers."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from mmu.perception.adapted.base import AdapterOptions
from mmu.perception.adapted.torchvision import TorchvisionOptions, TorchvisionStage
from mmu.perception.labels import embedding_signals, label_signals
from mmu.perception.merge import choose_looks
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.torch.classification import Classifier


class LabelOptions(TorchvisionOptions):
    """Options of `torchvision.classification`."""

    vocabulary: str = Field("imagenet1k", description="label map of the graph that the classes belong to")
    max_looks: int = Field(60, ge=1, description="frames looked at per video")
    max_labels: int = Field(20, ge=1, description="labels emitted per video")
    min_score: float = Field(0.02, ge=0, le=1, description="labels below are left out")
    max_embeddings: int = Field(8, ge=0, description="keyframes whose features are kept")


class TorchLabels(TorchvisionStage[LabelOptions, "Classifier"]):
    """ImageNet labels, or those of a network of your own, and keyframe embeddings."""

    name = "labels"
    needs = Needs(frames=True)
    emits = frozenset({"image.label", "image.embedding"})
    cost = Cost(cpus=1.0, memory_mb=1500)
    Options: ClassVar[type[AdapterOptions]] = LabelOptions
    classes = "imagenet1k"
    several_clips = True

    def build(self, path: Path, **common: Any) -> Classifier:
        from models.torch.classification import Classifier

        return Classifier(path, **common)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
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
