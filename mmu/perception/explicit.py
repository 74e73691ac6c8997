"""How sexually explicit the picture is, at its worst."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from mmu.perception.merge import choose_looks, stretches
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs, Stage
from models.opennsfw import OpenNsfw

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

_SOURCE = "opennsfw@yahoo-2016"
#: seconds; a span shorter than this needs its neighbours' support
_BLIP = 1.0


class Explicit(Stage):
    """OpenNSFW on the frames that differ most.

    Args:
        max_looks: frames looked at per video.
        threshold: a look at or above it belongs to a span of its own.
        suspicion: a look at or above it is checked on further views.
    """

    name = "explicit"
    needs = Needs(frames=True)
    emits = frozenset({"image.explicit"})
    cost = Cost(cpus=1.0, memory_mb=200)
    models = ("opennsfw",)

    def __init__(self, *, max_looks: int = 20, threshold: float = 0.3, suspicion: float = 0.15) -> None:
        self.max_looks = max_looks
        self.threshold = threshold
        self.suspicion = suspicion
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
        scores = np.array([self._judge(frame.image) for frame in frames])
        worst = float(scores.max())
        runs = stretches(looks, scores >= (self.threshold if worst >= self.threshold else worst), gap=5.0)
        if worst < self.threshold:
            runs = runs[:1]
        out = []
        for span, at in runs:
            peak = at[int(np.argmax(scores[at]))]
            score = float(scores[peak])
            if span.seconds < _BLIP and len(scores) > 1:
                # one odd look between harmless ones is more often the network's fault
                beside = [scores[i] for i in (at[0] - 1, at[-1] + 1) if 0 <= i < len(scores)]
                score = 0.5 * score + 0.5 * float(max(beside, default=score))
            out.append(
                Signal(
                    "image.explicit",
                    "explicit",
                    score,
                    span if span.seconds > 0 else None,
                    _SOURCE,
                    attributes={
                        "frames": len(at),
                        "best_time": round(float(looks.times[peak]), 3),
                        "peak": round(float(scores[peak]), 4),
                    },
                )
            )
        return out

    def _judge(self, image: NDArray[np.uint8]) -> float:
        """Probability of one frame; a suspicious one is looked at again, mirrored and in its middle.

        The network jumps on single views of skin-coloured surfaces; what is explicit stays so in all.
        """
        network = self._network
        if network is None:
            return 0.0
        first = network.probability(image)
        if first < self.suspicion:
            return first
        height, width = image.shape[:2]
        middle = image[height // 10 : height - height // 10, width // 10 : width - width // 10]
        views = (image[:, ::-1], middle, middle[:, ::-1])
        return float(np.mean([first, *(network.probability(np.ascontiguousarray(v)) for v in views)]))

    def close(self) -> None:
        self._network = None
