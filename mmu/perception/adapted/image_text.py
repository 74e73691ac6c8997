"""Stage `labels` by a network of pictures and texts: whatever can be said in words can be a label.

The texts are the concepts of the knowledge graph that can be seen, or the user's own, one a line. Their
vectors are computed once and kept beside the weights.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

import kg
from mmu.perception.adapted.base import AdaptedStage, AdapterOptions, one_place
from mmu.perception.adapted.kept import kept_vectors
from mmu.perception.labels import embedding_signals, label_signals
from mmu.perception.merge import choose_looks
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs
from models.torch.labels import read_labels

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store
    from models.torch.image_text import ImageText, Vectors
    from models.torch.runtime import Runtime

#: facets of the graph whose concepts a picture can show
SEEN = ("element", "scene", "action", "person")
_SENTENCES = {"en": "a photo of {}.", "zh": "一张{}的照片。"}


class ImageTextOptions(AdapterOptions):
    """Options of `open_clip` and `transformers.clip`."""

    batch: int = Field(32, ge=1, le=4096, description="pictures or texts run at a time")
    labels: Path | None = Field(
        None, description="file with one text a line; default: the concepts of the graph that can be seen"
    )
    language: Literal["en", "zh"] = Field(
        "en", description="language of the concepts' names and the sentence"
    )
    sentence: str = Field(
        "", description="sentence that a label is put into, with {} (default: a photo of {}.)"
    )
    max_looks: int = Field(60, ge=1, description="frames looked at per video")
    max_labels: int = Field(20, ge=1, description="labels emitted per video")
    min_score: float = Field(0.02, ge=0, le=1, description="labels below are left out")
    max_embeddings: int = Field(8, ge=0, description="keyframes whose vectors are kept")

    _one_place = field_validator("sentence")(one_place)


class OpenLabels(AdaptedStage[ImageTextOptions]):
    """Labels from an open vocabulary, and keyframe vectors that texts can be compared with."""

    name = "labels"
    needs = Needs(frames=True)
    emits = frozenset({"image.label", "image.embedding"})
    cost = Cost(cpus=1.0, memory_mb=2500)
    Options: ClassVar[type[AdapterOptions]] = ImageTextOptions
    requires = ("torch", "open_clip")
    extra = "torch"
    several_clips = True

    _network: ImageText | None = None
    _names: tuple[str, ...] = ()
    _vectors: Vectors | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        names, texts = self._labels()
        network = self.load(store, self._build, threads=threads)
        self._names = names
        self._vectors = kept_vectors(store, self.weights(store).sha256, texts, network.texts)
        self._network = network

    def text_vectors(self, store: Store, texts: list[str], *, threads: int = 1) -> Vectors:
        """(n, d) float32 of texts as they stand, to compare keyframe vectors with; needs no `setup`."""
        network = self._network or self.load(store, self._build, threads=threads)
        return network.texts(texts)

    def _build(self, path: Path, runtime: Runtime) -> ImageText:
        from models.torch.image_text import open_clip_network

        return open_clip_network(path, self.options.model, runtime=runtime, batch=self.options.batch)

    def _labels(self) -> tuple[tuple[str, ...], list[str]]:
        """What signals say, and the texts that pictures are compared with."""
        options = self.options
        sentence = options.sentence or _SENTENCES[options.language]
        if options.labels is not None:
            names = read_labels(options.labels)
            return names, [sentence.format(name) for name in names]
        seen = [concept for concept in kg.load().concepts.values() if concept.facet in SEEN]
        texts = [sentence.format(getattr(concept, options.language)) for concept in seen]
        return tuple(concept.id for concept in seen), texts

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._network is None or self._vectors is None:
            raise RuntimeError("OpenLabels.run before setup")
        options = self.options
        looks = choose_looks(clip, limit=options.max_looks)
        if len(looks.indices) == 0:
            return []
        seen = self._network.images([frame.image for frame in clip.frames(looks.indices.tolist())])
        labels = label_signals(
            looks,
            self._network.probabilities(seen, self._vectors).astype(np.float64),
            self._names,
            source=self.source,
            vocabulary="concept",
            min_score=options.min_score,
            max_labels=options.max_labels,
        )
        return labels + embedding_signals(looks, seen, source=self.source, most=options.max_embeddings)

    def close(self) -> None:
        self._network = self._vectors = None
        super().close()


class TransformersLabels(OpenLabels):
    """The same by a network of transformers: Chinese-CLIP, CLIP, SigLIP."""

    requires = ("torch", "transformers")

    def _build(self, path: Path, runtime: Runtime) -> ImageText:
        from models.torch.image_text import transformers_network

        return transformers_network(path, self.options.model, runtime=runtime, batch=self.options.batch)
