"""How sexually explicit the picture is, at its worst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmu.perception.merge import choose_looks, stretches
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs, Stage
from models.opennsfw import OpenNsfw

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

_SOURCE = "opennsfw@yahoo-2016"


class Explicit(Stage):
    """OpenNSFW on the frames that differ most.

    Args:
        max_looks: frames looked at per video.
        threshold: a look at or above it belongs to a span of its own.
    """

    name = "explicit"
    needs = Needs(frames=True)
    emits = frozenset({"image.explicit"})
    cost = Cost(cpus=1.0, memory_mb=200)
    models = ("opennsfw",)

    def __init__(self, *, max_looks: int = 20, threshold: float = 0.3) -> None:
        self.max_looks = max_looks
        self.threshold = threshold
        self._network: OpenNsfw | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._network = OpenNsfw(store.file("opennsfw"), threads=threads)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """Emit the worst look of the video, or one signal per span at or above the threshold."""
        if self._network is None:
            raise RuntimeError("Explicit.run before setup")
        looks = choose_looks(clip, limit=self.max_looks, min_change=0.08)
        if len(looks.indices) == 0:
            return []
        frames = clip.frames(looks.indices.tolist())
        scores = np.array([self._network.probability(frame.image) for frame in frames])
        worst = float(scores.max())
        runs = stretches(looks, scores >= (self.threshold if worst >= self.threshold else worst), gap=5.0)
        if worst < self.threshold:
            runs = runs[:1]
        out = []
        for span, at in runs:
            peak = at[int(np.argmax(scores[at]))]
            out.append(
                Signal(
                    "image.explicit",
                    "explicit",
                    float(scores[peak]),
                    span if span.seconds > 0 else None,
                    _SOURCE,
                    attributes={"frames": len(at), "best_time": round(float(looks.times[peak]), 3)},
                )
            )
        return out

    def close(self) -> None:
        self._network = None
