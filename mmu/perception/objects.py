"""Things in the picture with their boxes, followed over time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mmu.perception.merge import Looks, choose_looks
from mmu.perception.tracks import ObjectTrack, Sighting, link
from mmu.signals import Box, Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models.objects import ObjectDetector

if TYPE_CHECKING:
    from mmu.media.clip import Clip, Frame
    from models.store import Store

_SOURCE = "efficientdet-lite0@mediapipe"
#: sightings that a track's score is taken from; a track of fewer, where more were possible, loses
_BEST_OF = 3


class Objects(Stage):
    """COCO objects as tracks. A still picture is looked at closely: mirrored and in halves as well.

    Args:
        max_looks: frames looked at per video.
        threshold: least score of one sighting in a video.
        still_threshold: the same in a still picture, where several looks agree or not.
        max_tracks: tracks emitted per video, best first.
        max_per_label: of these, tracks of one label.
    """

    name = "objects"
    needs = Needs(frames=True)
    emits = frozenset({"image.object"})
    cost = Cost(cpus=1.0, memory_mb=200, seconds=5.0)
    models = ("efficientdet-lite0",)

    def __init__(
        self,
        *,
        max_looks: int = 40,
        threshold: float = 0.3,
        still_threshold: float = 0.25,
        max_tracks: int = 40,
        max_per_label: int = 12,
    ) -> None:
        self.max_looks = max_looks
        self.threshold = threshold
        self.still_threshold = still_threshold
        self.max_tracks = max_tracks
        self.max_per_label = max_per_label
        self._network: ObjectDetector | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._network = ObjectDetector(store.file("efficientdet-lite0"), threads=threads)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._network is None:
            raise RuntimeError("Objects.run before setup")
        looks = choose_looks(clip, limit=self.max_looks)
        frames = clip.frames(looks.indices.tolist()) if len(looks.indices) else ()
        sightings = [
            self._sightings(frame, number, int(looks.shots[number]), clip)
            for number, frame in enumerate(frames)
        ]
        return object_signals(
            sightings,
            looks,
            source=_SOURCE,
            vocabulary="coco",
            max_tracks=self.max_tracks,
            max_per_label=self.max_per_label,
        )

    def close(self) -> None:
        self._network = None

    def _sightings(self, frame: Frame, look: int, shot: int, clip: Clip) -> list[Sighting]:
        if self._network is None:
            return []
        if clip.still:
            found = self._network.detect_closely(frame.image, threshold=self.still_threshold)
        else:
            found = self._network.detect(frame.image, threshold=self.threshold)
        return [
            Sighting(look, frame.time, shot, o.label, o.score, Box(o.x, o.y, o.w, o.h).scaled(clip.scale))
            for o in found
        ]


def object_signals(
    sightings: Sequence[Sequence[Sighting]],
    looks: Looks,
    *,
    source: str,
    vocabulary: str,
    max_tracks: int,
    max_per_label: int,
) -> list[Signal]:
    """One `image.object` a track, best first.

    Args:
        sightings: boxes of each look, in pixels of the source frame.
        looks: the frames looked at.
        source: network and version.
        vocabulary: label map that the labels belong to.
        max_tracks: signals emitted.
        max_per_label: of these, of one label.
    """
    most: Counter[str] = Counter()
    for row in sightings:
        for label, count in Counter(sighting.label for sighting in row).items():
            most[label] = max(most[label], count)
    tracks = sorted(link(sightings), key=lambda track: -_score(track, len(looks.indices)))
    kept: list[Signal] = []
    per_label: dict[str, int] = defaultdict(int)
    for track in tracks:
        if len(kept) < max_tracks and per_label[track.label] < max_per_label:
            per_label[track.label] += 1
            kept.append(_signal(track, looks, most[track.label], f"object:{len(kept)}", source, vocabulary))
    return kept


def _score(track: ObjectTrack, looks: int) -> float:
    """Mean of the three best sightings; those a track lacks count half its best.

    A thing that flickers up in one look of many is less sure than one that stays.
    """
    best = sorted((sighting.score for sighting in track.sightings), reverse=True)[:_BEST_OF]
    missing = min(_BEST_OF, looks) - len(best)
    return (sum(best) + 0.5 * best[0] * missing) / (len(best) + missing)


def _signal(track: ObjectTrack, looks: Looks, most: int, name: str, source: str, vocabulary: str) -> Signal:
    best = track.best
    span = Span(track.sightings[0].time, float(looks.ends[track.sightings[-1].look]))
    return Signal(
        "image.object",
        track.label,
        min(1.0, _score(track, len(looks.indices))),
        span if span.seconds > 0 else None,
        source,
        box=best.box,
        track=name,
        attributes={
            "vocabulary": vocabulary,
            "frames": len(track.sightings),
            "peak": round(best.score, 4),
            "best_time": round(best.time, 3),
            "most_at_once": most,
            "boxes": [[round(s.time, 3), *(round(v) for v in s.box)] for s in track.sightings],
        },
    )
