"""What the picture shows as a whole: ImageNet classes over time, and features of keyframes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmu.perception.merge import Looks, best_shot, choose_looks, stretches
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models.image_labels import ImageLabels

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

_SOURCE = "efficientnet-lite0@mediapipe"
_MAX_SPANS = 3


class Labels(Stage):
    """ImageNet-1k labels and keyframe embeddings.

    Args:
        max_looks: frames looked at per video.
        max_labels: labels emitted per video.
        min_score: labels below are left out.
        max_embeddings: keyframes whose features are kept.
    """

    name = "labels"
    needs = Needs(frames=True)
    emits = frozenset({"image.label", "image.embedding"})
    cost = Cost(cpus=1.0, memory_mb=250, seconds=4.0)
    models = ("efficientnet-lite0",)

    def __init__(
        self, *, max_looks: int = 40, max_labels: int = 20, min_score: float = 0.02, max_embeddings: int = 8
    ) -> None:
        self.max_looks = max_looks
        self.max_labels = max_labels
        self.min_score = min_score
        self.max_embeddings = max_embeddings
        self._network: ImageLabels | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._network = ImageLabels(store.file("efficientnet-lite0"), threads=threads)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._network is None:
            raise RuntimeError("Labels.run before setup")
        looks = choose_looks(clip, limit=self.max_looks)
        if len(looks.indices) == 0:
            return []
        seen = [self._network.look(frame.image) for frame in clip.frames(looks.indices.tolist())]
        scores = np.stack([look.probabilities for look in seen]).astype(np.float64)
        embeddings = np.stack([look.embedding for look in seen])
        labels = label_signals(
            looks,
            scores,
            self._network.labels,
            source=_SOURCE,
            vocabulary="imagenet1k",
            min_score=self.min_score,
            max_labels=self.max_labels,
        )
        return labels + embedding_signals(looks, embeddings, source=_SOURCE, most=self.max_embeddings)

    def close(self) -> None:
        self._network = None


def label_signals(
    looks: Looks,
    scores: NDArray[np.float64],
    names: Sequence[str],
    *,
    source: str,
    vocabulary: str,
    min_score: float,
    max_labels: int,
) -> list[Signal]:
    """One `image.label` per label and stretch of time.

    A label's score is halfway between its mean over the video and over its best shot,
    so that a subject of one shot counts and one of all shots counts more.

    Args:
        looks: the frames looked at.
        scores: (looks, labels) probabilities.
        names: of the labels.
        source: network and version.
        vocabulary: label map that the names belong to.
        min_score: labels below are left out.
        max_labels: labels emitted.
    """
    mean = looks.seconds @ scores / looks.seconds.sum()
    level = 0.5 * mean + 0.5 * best_shot(looks, scores)
    out: list[Signal] = []
    for c in np.argsort(-level)[:max_labels]:
        if level[c] < min_score:
            break
        column = scores[:, c]
        runs = stretches(looks, column >= max(0.05, 0.4 * column.max()))
        if not runs:
            runs = stretches(looks, column >= 0.9 * column.max())
        strength = [float(column[at].mean() * looks.seconds[at].sum() ** 0.5) for _, at in runs]
        order = np.argsort(-np.array(strength))[:_MAX_SPANS]
        peak = float(column.max())
        for place in order:
            span, at = runs[place]
            share = float(column[at].mean()) / max(float(column[runs[order[0]][1]].mean()), 1e-9)
            out.append(
                Signal(
                    "image.label",
                    names[c],
                    min(1.0, float(level[c]) * min(1.0, share)),
                    _span(span),
                    source,
                    attributes={
                        "vocabulary": vocabulary,
                        "class": int(c),
                        "peak": round(peak, 4),
                        "mean": round(float(mean[c]), 4),
                        "frames": len(at),
                    },
                )
            )
    return out


def embedding_signals(
    looks: Looks, embeddings: NDArray[np.float32], *, source: str, most: int
) -> list[Signal]:
    """Features of the most typical look of each of the longest shots.

    Args:
        looks: the frames looked at.
        embeddings: (looks, d) float32, L2-normalised.
        source: network and version.
        most: signals emitted.
    """
    out: list[tuple[float, Signal]] = []
    for number in np.unique(looks.shots):
        places = np.flatnonzero(looks.shots == number)
        mean = looks.seconds[places] @ embeddings[places]
        typical = places[int(np.argmax(embeddings[places] @ mean))]
        at = float(looks.times[typical])
        span = Span(float(looks.times[places[0]]), float(looks.ends[places[-1]]))
        signal = Signal(
            "image.embedding",
            None,
            None,
            _span(span),
            source,
            attributes={"time": round(at, 3)},
            embedding=embeddings[typical].astype(np.float16),
        )
        out.append((span.seconds, signal))
    out.sort(key=lambda item: -item[0])
    return [signal for _, signal in out[:most]]


def _span(span: Span) -> Span | None:
    return span if span.seconds > 0 else None
