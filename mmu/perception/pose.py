"""Stage `pose`: how people hold themselves, and how much of the picture they fill."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.bodies import BodyFrame, BodyReader, BodyTrack, best_times, people_at
from mmu.perception.body_shape import posture
from mmu.signals import Box, Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models.pose import SOURCE, PoseNet

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

#: visibility from which a point counts for the box
_SEEN = 0.5
#: corners of an outline, and outlines of one frame
_CORNERS, _OUTLINES = 40, 3


class PoseStage(Stage):
    """33 points of the main people's bodies, and the mask of the frame that they fill most.

    Args:
        max_looks: frames looked at per video.
        max_looks_per_shot: of these, frames of one shot: neighbours, so that a movement shows.
        people: persons read in one frame, the largest first.
        max_tracks: persons emitted per video.
    """

    name: ClassVar[str] = "pose"
    needs: ClassVar[Needs] = Needs(frames=True, wants=frozenset({"image.object", "face.track"}))
    emits: ClassVar[frozenset[str]] = frozenset({"person.pose", "person.mask"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=150)
    models: ClassVar[tuple[str, ...]] = ("pose-landmarker",)

    def __init__(
        self, *, max_looks: int = 24, max_looks_per_shot: int = 12, people: int = 2, max_tracks: int = 6
    ) -> None:
        self.max_looks = max_looks
        self.max_looks_per_shot = max_looks_per_shot
        self.people = people
        self.max_tracks = max_tracks
        self._net: PoseNet | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._net = PoseNet(store.file("pose-landmarker"), threads=threads)

    def close(self) -> None:
        self._net = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """One `person.pose` a person, one `person.mask` a video.

        Raises:
            RuntimeError: `setup` was not called.
        """
        if self._net is None:
            raise RuntimeError("stage pose: setup() was not called")
        indices = self._choose(clip, signals)
        tracks = BodyReader(self._net, people=self.people).read(clip, signals, indices)
        out = [_pose(track, f"body:{n}") for n, track in enumerate(tracks[: self.max_tracks])]
        mask = _mask(tracks, clip)
        return [*out, mask] if mask else out

    def _choose(self, clip: Clip, signals: SignalSet) -> list[int]:
        """Where the largest people show best, and neighbouring frames with people in which most moves."""
        seen = np.flatnonzero(people_at(signals, clip.times))
        if not len(seen):
            return []
        shots = np.searchsorted(clip.cuts, clip.times[seen] + 1e-6, side="right")
        groups = sorted((seen[shots == shot] for shot in np.unique(shots)), key=len, reverse=True)
        share = max(3, min(self.max_looks_per_shot, self.max_looks // len(groups)))
        chosen = {clip.nearest(time) for time in best_times(signals)[: self.max_looks // 4]}
        for group in groups:
            count = min(share, self.max_looks - len(chosen), len(group))
            if count <= 0:
                break
            moved = np.convolve(clip.change[group], np.ones(count), mode="valid")
            start = int(np.argmax(moved))
            chosen |= {int(i) for i in group[start : start + count]}
        return sorted(chosen)


def _pose(track: BodyTrack, name: str) -> Signal:
    best = max(track.frames, key=lambda frame: frame.presence * float(frame.visibility.mean()))
    attributes: dict[str, Any] = {
        "person": track.person,
        "posture": posture(best.points, best.visibility),
        "frames": len(track.frames),
        "best_time": round(best.time, 3),
        "share": round(float((best.mask > 0).mean()), 4),
        "landmarks": [
            [round(float(x)), round(float(y)), round(float(z)), round(float(v), 2)]
            for (x, y, z), v in zip(best.points, best.visibility, strict=True)
        ],
        "motion": [_row(frame) for frame in track.frames],
    }
    span = Span(track.frames[0].time, track.frames[-1].time)
    return Signal(
        "person.pose",
        None,
        min(1.0, best.presence),
        span if span.seconds > 0 else None,
        SOURCE,
        box=_box(best),
        track=name,
        attributes=attributes,
    )


def _row(frame: BodyFrame) -> str:
    """`time shot x y z visibility …` of the 33 points, in whole pixels and percent."""
    values = np.column_stack([frame.points, 100 * frame.visibility]).round().astype(int)
    return " ".join([f"{frame.time:.3f}", str(frame.shot), *map(str, values.ravel().tolist())])


def _box(frame: BodyFrame) -> Box | None:
    points = frame.points[frame.visibility >= _SEEN, :2]
    if not len(points):
        return None
    low, high = points.min(axis=0), points.max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def _mask(tracks: list[BodyTrack], clip: Clip) -> Signal | None:
    """The frame that people fill most: their outline, and the mean share over all frames looked at."""
    together: dict[float, NDArray[np.uint8]] = {}
    for track in tracks:
        for frame in track.frames:
            known = together.get(frame.time)
            together[frame.time] = frame.mask if known is None else np.maximum(known, frame.mask)
    if not together:
        return None
    shares = {time: float((mask > 0).mean()) for time, mask in together.items()}
    time = max(shares, key=lambda t: shares[t])
    outlines = []
    contours, _ = cv2.findContours(together[time], cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    for contour in sorted(contours, key=cv2.contourArea, reverse=True)[:_OUTLINES]:
        step = max(1, len(contour) // _CORNERS)
        fine = cv2.approxPolyDP(contour, 0.004 * cv2.arcLength(contour, True), True)
        points = (fine if len(fine) <= _CORNERS else contour[::step][:_CORNERS]).reshape(-1, 2)
        outlines.append((points * clip.scale).round().astype(int).tolist())
    return Signal(
        "person.mask",
        None,
        None,
        None if clip.still else Span(min(shares), max(shares)),
        SOURCE,
        attributes={
            "share": round(float(np.mean(list(shares.values()))), 4),
            "most": round(shares[time], 4),
            "best_time": round(time, 3),
            "outlines": outlines,
        },
    )
