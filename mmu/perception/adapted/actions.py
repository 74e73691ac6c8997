"""Stage `actions` with one of torchvision's video networks beside the rules of the default stage.

Clips of the network's own length are taken at its own tempo from each shot: where the decoder sampled
fewer pictures than the network wants to see, the nearest one stands for its neighbours. A moment in
which no person was found is not asked about, as Kinetics-400 knows only actions of people and would
name one all the same.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mmu.perception.actions import Actions
from mmu.perception.adapted.base import AdapterOptions
from mmu.perception.adapted.torchvision import TorchvisionOptions, TorchvisionStage
from mmu.perception.boxes_in_time import moving
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.torch.video import ActionNet


class ActionOptions(TorchvisionOptions):
    """Options of `torchvision.video`."""

    vocabulary: str = Field("kinetics400", description="label map of the graph that the classes belong to")
    batch: int = Field(4, ge=1, le=4096, description="clips run at a time")
    max_clips: int = Field(24, ge=1, description="clips looked at per video")
    clips_per_shot: int = Field(3, ge=1, description="of these, clips of one shot")
    min_score: float = Field(0.1, ge=0, le=1, description="actions below are left out")
    max_actions: int = Field(5, ge=1, description="actions emitted per video")
    people_only: bool = Field(True, description="ask only where a person was found")
    rules: bool = Field(True, description="keep what the rules of the default stage find")


class Window(NamedTuple):
    """One clip: its shot, its time, and the sampled pictures that it is made of."""

    shot: int
    span: Span
    indices: NDArray[np.int64]


class TorchActions(TorchvisionStage[ActionOptions, "ActionNet"]):
    """Kinetics-400 actions, or those of a network of your own, beside those of the rules."""

    name = "actions"
    needs = Needs(
        frames=True,
        wants=Actions.needs.kinds | Actions.needs.wants | frozenset({"face.track", "image.object"}),
    )
    emits = frozenset({"person.action"})
    cost = Cost(cpus=1.0, memory_mb=1800)
    Options: ClassVar[type[AdapterOptions]] = ActionOptions
    classes = "kinetics400"
    several_clips = True

    def build(self, path: Path, **common: Any) -> ActionNet:
        from models.torch.video import ActionNet

        return ActionNet(path, **common)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        found = Actions().run(clip, signals) if self.options.rules else []
        if clip.still or len(clip.times) < 2:
            return found  # a picture does not move
        windows = self._windows(clip, signals)
        scores: list[NDArray[np.float32]] = []
        for start in range(0, len(windows), self.options.batch):
            part = windows[start : start + self.options.batch]
            # a picture that stands for several moments of a clip is read once
            pictures = {int(i): clip.frame(int(i)).image for one in part for i in np.unique(one.indices)}
            clips = [[pictures[int(i)] for i in one.indices] for one in part]
            scores += list(self._network.classify(clips))
        return found + self._signals(windows, np.array(scores))

    def _windows(self, clip: Clip, signals: SignalSet) -> list[Window]:
        """Clips spread evenly over each shot, the longest shots first, where somebody is seen."""
        tempo, options = self._network.tempo, self.options
        times = np.asarray(clip.times, np.float64)
        edges = [0.0, *(float(t) for t in clip.cuts if 0 < t < clip.duration), float(clip.duration)]
        shots = sorted(range(len(edges) - 1), key=lambda i: edges[i] - edges[i + 1])
        people = moving(
            one
            for one in signals.of("image.object", "face.track")
            if one.kind != "image.object" or one.value == "person"
        )
        ask = not options.people_only or not signals.of("image.object", "face.track")
        out: list[Window] = []
        for shot in shots:
            start, end = edges[shot], edges[shot + 1]
            inside = np.flatnonzero((times >= start - 1e-6) & (times < end))
            if len(inside) < 2:
                continue
            count = max(1, min(options.clips_per_shot, int((end - start) / tempo.seconds)))
            for middle in start + (np.arange(count) + 0.5) * (end - start) / count:
                if len(out) >= options.max_clips:
                    return sorted(out, key=lambda one: one.span)
                if not ask and not any(one.at(float(middle)) is not None for one in people):
                    continue
                wanted = middle + (np.arange(tempo.frames) - (tempo.frames - 1) / 2) / tempo.rate
                nearest = inside[np.abs(times[inside][None] - wanted[:, None]).argmin(axis=1)]
                span = Span(max(start, float(wanted[0])), min(end, float(wanted[-1])))
                out.append(Window(shot, span, nearest))
        return sorted(out, key=lambda one: one.span)

    def _signals(self, windows: list[Window], scores: NDArray[np.float32]) -> list[Signal]:
        """The best actions: halfway between the mean of their best shot and that of the video."""
        if not windows:
            return []
        shots = np.array([one.shot for one in windows])
        means = {int(shot): scores[shots == shot].mean(axis=0) for shot in np.unique(shots)}
        level = 0.5 * np.max(list(means.values()), axis=0) + 0.5 * scores.mean(axis=0)
        out = []
        for c in np.argsort(-level)[: self.options.max_actions]:
            if level[c] < self.options.min_score:
                break
            shot = max(means, key=lambda one: float(means[one][c]))
            own = [one.span for one in windows if one.shot == shot]
            out.append(
                Signal(
                    "person.action",
                    self._names[c],
                    float(min(1.0, level[c])),
                    Span(own[0].start, own[-1].end),
                    self.source,
                    attributes={
                        "vocabulary": self.options.vocabulary,
                        "because": [{"clips": len(windows), "peak": round(float(scores[:, c].max()), 4)}],
                    },
                )
            )
        return out
