"""Follows the bodies of a video's main people through the frames that are looked at."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.boxes_in_time import MovingBox, moving
from mmu.signals import Box, SignalSet
from models.pose import Body, Pose, PoseNet

if TYPE_CHECKING:
    from mmu.media.clip import Clip

#: a person box below this score is not looked into
_PERSON = 0.35
#: least height of a person as a share of the picture's height: below, a pose is a guess
_MIN_HEIGHT = 0.15
#: a crop around a body is taken over to the next frame when that is so near and the pose so sure
_CARRY_S, _CARRY = 0.7, 0.7
#: probability that a crop shows a person, and mean visibility of the shoulders, below which it is no pose
_PRESENCE, _SHOULDERS = 0.5, 0.5
#: surroundings of a person box that are searched, as a share of its size
_MARGIN = 0.15
#: body around a face, in face sizes: half width, above, below (to the knees of one who stands)
_BESIDE, _ABOVE, _BELOW = 2.6, 0.8, 6.0


@dataclass(frozen=True, slots=True, eq=False)
class BodyFrame:
    """One body in one frame; points in pixels of the source frame."""

    time: float
    shot: int
    #: (33, 3) float32, x, y, z
    points: NDArray[np.float32]
    #: (33,) float32 in [0, 1]
    visibility: NDArray[np.float32]
    presence: float
    #: (h, w) uint8, 255 where the person is, at the size of the sampled frame
    mask: NDArray[np.uint8]


@dataclass(slots=True, eq=False)
class BodyTrack:
    """One person's frames, in order of time."""

    #: id of the signal that the person was found by
    person: str
    frames: list[BodyFrame] = field(default_factory=list)


class BodyReader:
    """Reads the poses of at most `people` persons a frame."""

    def __init__(self, net: PoseNet, *, people: int) -> None:
        self._net = net
        self._people = people

    def read(self, clip: Clip, signals: SignalSet, indices: Sequence[int]) -> list[BodyTrack]:
        """Tracks of the persons found by `image.object` and `face.track` signals in the given frames."""
        persons = _persons(signals)
        shots = np.searchsorted(clip.cuts, clip.times + 1e-6, side="right")
        tracks: dict[str, BodyTrack] = {}
        last: dict[str, tuple[float, int, Pose]] = {}
        for index in indices:
            frame, shot = clip.frame(index), int(shots[index])
            height, width = frame.image.shape[:2]
            taken: list[Box] = []
            for person in persons:
                box = _body_box(person, frame.time)
                if box is None or len(taken) >= self._people:
                    continue
                box = _inside(box.scaled(1 / clip.scale), width, height)
                if box.h < _MIN_HEIGHT * height or any(_covered(box, other) for other in taken):
                    continue
                name = person.signal.id
                body = _carried(last.get(name), frame.time, shot) or self._find(frame.image, box)
                pose = self._net.read(frame.image, body) if body else None
                if pose is None or not _believable(pose, box):
                    last.pop(name, None)
                    continue
                taken.append(box)
                last[name] = (frame.time, shot, pose)
                track = tracks.setdefault(name, BodyTrack(name))
                track.frames.append(_in_source(pose, frame.time, shot, clip.scale, (width, height)))
        return sorted(tracks.values(), key=lambda track: -len(track.frames))

    def _find(self, image: NDArray[np.uint8], box: Box) -> Body | None:
        """The body that a person box is about."""
        height, width = image.shape[:2]
        wide = Box(
            box.x - _MARGIN * box.w,
            box.y - _MARGIN * box.h,
            (1 + 2 * _MARGIN) * box.w,
            (1 + 2 * _MARGIN) * box.h,
        )
        part = _inside(wide, width, height)
        x, y = int(part.x), int(part.y)
        crop = image[y : int(part.y + part.h), x : int(part.x + part.w)]
        if min(crop.shape[:2]) < 16:
            return None
        found = self._net.detect(np.ascontiguousarray(crop), score_threshold=0.4)
        return found[0]._replace(x=found[0].x + x, y=found[0].y + y) if found else None


def _persons(signals: SignalSet) -> list[MovingBox]:
    """Person boxes; faces where no person box holds them."""
    found = moving(
        one for one in signals.of("image.object") if one.value == "person" and (one.score or 0) >= _PERSON
    )
    return found + moving(signals.of("face.track"))


def people_at(signals: SignalSet, times: Iterable[float]) -> NDArray[np.bool_]:
    """(n,) whether somebody is in the picture at each of `times`."""
    persons = _persons(signals)
    return np.array([any(one.at(time) is not None for one in persons) for time in times], bool)


def best_times(signals: SignalSet) -> list[float]:
    """When each person found by the object detector shows best, the largest first."""
    persons = (one for one in _persons(signals) if one.signal.kind == "image.object" and one.signal.box)
    ordered = sorted(persons, key=lambda one: -(one.signal.score or 0) * one.area)
    times = (one.signal.attributes.get("best_time") for one in ordered)
    return [float(time) for time in times if time is not None]


def _body_box(person: MovingBox, time: float) -> Box | None:
    box = person.at(time)
    if box is None or person.signal.kind != "face.track":
        return box
    centre = box.x + box.w / 2
    return Box(
        centre - _BESIDE * box.w, box.y - _ABOVE * box.h, 2 * _BESIDE * box.w, (_ABOVE + _BELOW) * box.h
    )


def _inside(box: Box, width: int, height: int) -> Box:
    x, y = max(0.0, box.x), max(0.0, box.y)
    return Box(x, y, max(0.0, min(width, box.x + box.w) - x), max(0.0, min(height, box.y + box.h) - y))


def _covered(box: Box, other: Box) -> bool:
    """Whether most of a box lies in another one: it is the same person, found twice."""
    w = min(box.x + box.w, other.x + other.w) - max(box.x, other.x)
    h = min(box.y + box.h, other.y + other.h) - max(box.y, other.y)
    return w > 0 and h > 0 and w * h > 0.6 * min(box.area, other.area)


def _carried(known: tuple[float, int, Pose] | None, time: float, shot: int) -> Body | None:
    if known is None or known[1] != shot or time - known[0] > _CARRY_S or known[2].presence < _CARRY:
        return None
    return known[2].body


def _believable(pose: Pose, box: Box) -> bool:
    """Whether a pose is one, and of the person in the box."""
    if pose.presence < _PRESENCE or float(pose.visibility[11:13].mean()) < _SHOULDERS:
        return False
    centre = pose.points[11:13, :2].mean(axis=0)
    margin_x, margin_y = 0.1 * box.w, 0.1 * box.h
    return bool(
        box.x - margin_x <= centre[0] <= box.x + box.w + margin_x
        and box.y - margin_y <= centre[1] <= box.y + box.h + margin_y
    )


def _in_source(pose: Pose, time: float, shot: int, scale: float, size: tuple[int, int]) -> BodyFrame:
    mask = cv2.warpAffine((pose.mask > 0.5).astype(np.uint8) * 255, pose.from_crop, size)
    return BodyFrame(
        time,
        shot,
        (pose.points * scale).astype(np.float32),
        pose.visibility,
        pose.presence,
        np.asarray(mask, np.uint8),
    )
