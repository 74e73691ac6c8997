"""Stage `gestures`: what hands show, and whether somebody signs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.perception.face_frames import FaceBoxes
from mmu.perception.hand_shapes import DELIBERATE, gesture, stretched
from mmu.perception.signing import HandSight, signing_score
from mmu.signals import Box, Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models.gestures import LABELS, SOURCE, Hand, HandNet, Palm

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

__all__ = ["Gestures"]

#: frames of a video that are looked at, and without faces in it
_FRAMES, _FRAMES_WITHOUT_FACES = 12, 6
#: frames looked at again to confirm a gesture seen once
_CONFIRMATIONS = 6
#: faces of a frame whose hands are looked for
_FACES = 2
#: region searched for hands, in units of the face's larger side: width, height above and below
_AROUND, _ABOVE, _BELOW = 7.0, 1.5, 5.5
#: presence of a hand whose shape can be read, and of one that is there at all (in front of a face, say)
_PRESENCE, _THERE = 0.6, 0.3
#: a gesture seen in one frame only must be at least this sure
_ONCE = 0.85
#: degrees of yaw from which a person shows the viewer nothing
_AVERTED_YAW = 60.0
_MIN_SIGNING = 0.45
#: objects (COCO) that hands in front of the body hold; a signer's hands are empty
# fmt: off
_HELD = frozenset({
    "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple", "sandwich", "pizza",
    "donut", "cake", "remote", "cell phone", "book", "scissors", "teddy bear", "hair drier", "toothbrush",
    "sports ball", "baseball bat", "tennis racket", "umbrella", "handbag", "cat", "dog",
})
# fmt: on
_SILENCE_DBFS = -50.0


@dataclass(frozen=True, slots=True, eq=False)
class _Sight:
    """One gesture in one frame."""

    index: int
    label: str
    score: float
    box: Box
    track: str | None


class Gestures(Stage):
    """Hands of people who show something: named gestures and signing, from a few frames."""

    name: ClassVar[str] = "gestures"
    needs: ClassVar[Needs] = Needs(frames=True, wants=frozenset({"face.track", "image.object"}))
    emits: ClassVar[frozenset[str]] = frozenset({"person.gesture"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=150)
    models: ClassVar[tuple[str, ...]] = ("gesture-recognizer",)

    def __init__(self) -> None:
        self._net: HandNet | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._net = HandNet(store.file("gesture-recognizer"), threads=threads)

    def close(self) -> None:
        self._net = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """One signal a gesture and span, with the hand's box in source pixels.

        Raises:
            RuntimeError: `setup` was not called.
        """
        if self._net is None:
            raise RuntimeError("stage gestures: setup() was not called")
        if not len(clip.times):
            return []
        faces = FaceBoxes(signals.of("face.track"), clip)
        chosen = _choose(clip, faces)
        sights: list[_Sight] = []
        hands: list[HandSight] = []
        for index in chosen:
            seen, about = self._look(self._net, clip, faces, index)
            sights += seen
            hands += about
        if not clip.still:
            sights += self._confirm(self._net, clip, faces, sights, chosen)
        out = _named(sights, clip)
        score = (
            0.0 if clip.still else signing_score(hands, faces.main(chosen), faces.yaw(faces.track_of_main()))
        )
        if _holding(signals):
            score *= 0.5
        if score >= _MIN_SIGNING and faces.track_of_main() and _silent(clip):
            out.append(
                Signal(
                    "person.gesture",
                    "sign_language",
                    score,
                    Span(float(clip.times[chosen[0]]), _until(clip, chosen[-1])),
                    f"{SOURCE}+signing",
                    track=faces.track_of_main(),
                    attributes={"vocabulary": "gesture", "looks": len(chosen), "hands": len(hands)},
                )
            )
        return out

    def _look(
        self, net: HandNet, clip: Clip, faces: FaceBoxes, index: int
    ) -> tuple[list[_Sight], list[HandSight]]:
        image = clip.frame(index).image
        near = faces.at(index)
        hands: list[Hand] = []
        for region in _regions(image, [box for _, box in near[:_FACES]]):
            for hand in _hands_in(net, image, region):
                if all(_apart(hand, other) for other in hands):
                    hands.append(hand)
        sights: list[_Sight] = []
        about: list[HandSight] = []
        for hand in hands:
            owner = _owner(hand, near)
            top = int(hand.gestures.argmax())
            label, score = gesture(hand.world, LABELS[top], float(hand.gestures[top]), hand.rotation)
            if label is not None and hand.presence >= _PRESENCE and _meant(label, owner, faces, clip.still):
                box = _box(hand).scaled(clip.scale)
                sights.append(_Sight(index, label, min(1.0, score * hand.presence), box, owner))
            if owner is not None and owner == faces.track_of_main():
                about.append(HandSight(index, hand.points[0, :2].copy(), stretched(hand.world)))
        return sights, about

    def _confirm(
        self, net: HandNet, clip: Clip, faces: FaceBoxes, sights: list[_Sight], chosen: list[int]
    ) -> list[_Sight]:
        """Look at the frames beside those in which a gesture was seen."""
        beside = {
            index
            for sight in sorted(sights, key=lambda sight: -sight.score)
            for index in (sight.index - 1, sight.index + 1)
            if 0 <= index < len(clip.times) and index not in chosen
        }
        out: list[_Sight] = []
        for index in sorted(beside)[:_CONFIRMATIONS]:
            out += self._look(net, clip, faces, index)[0]
        return out


def _choose(clip: Clip, faces: FaceBoxes) -> list[int]:
    """Frames with people: one of each part of the video, the one that moves most in its part."""
    frames = faces.frames() or list(range(len(clip.times)))
    wanted = _FRAMES if faces.frames() else _FRAMES_WITHOUT_FACES
    parts = np.array_split(np.array(frames), min(wanted, len(frames)))
    return sorted(int(part[int(np.argmax(clip.change[part]))]) for part in parts)


def _regions(image: NDArray[np.uint8], faces: list[Box]) -> list[tuple[int, int, int, int]]:
    """(x0, y0, x1, y1) of what the people can reach, or the whole picture without people."""
    height, width = image.shape[:2]
    regions = []
    for face in faces:
        side = max(face.w, face.h)
        centre = face.x + face.w / 2
        x0, x1 = centre - _AROUND / 2 * side, centre + _AROUND / 2 * side
        y0, y1 = face.y - _ABOVE * side, face.y + _BELOW * side
        region = (max(0, int(x0)), max(0, int(y0)), min(width, int(x1)), min(height, int(y1)))
        if (region[2] - region[0]) * (region[3] - region[1]) > 0.6 * width * height:
            return [(0, 0, width, height)]
        if region[2] - region[0] > 8 and region[3] - region[1] > 8:
            regions.append(region)
    return regions or [(0, 0, width, height)]


def _hands_in(net: HandNet, image: NDArray[np.uint8], region: tuple[int, int, int, int]) -> list[Hand]:
    x0, y0, x1, y1 = region
    hands = []
    for palm in net.detect(image[y0:y1, x0:x1])[:4]:
        # Read in the whole picture: the hand may reach out of the region.
        placed = Palm(palm.x + x0, palm.y + y0, palm.side, palm.rotation, palm.score)
        hand = net.read(image, placed)
        if hand.presence >= _THERE:
            hands.append(hand)
    return hands


def _box(hand: Hand) -> Box:
    low, high = hand.points[:, :2].min(axis=0), hand.points[:, :2].max(axis=0)
    return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))


def _apart(one: Hand, other: Hand) -> bool:
    return _box(one).iou(_box(other)) < 0.3


def _owner(hand: Hand, faces: list[tuple[str, Box]]) -> str | None:
    """The face within whose reach the wrist is, in units of that face's size the nearest."""
    x, y = (float(v) for v in hand.points[0, :2])
    reach = [
        (float(np.hypot(x - box.x - box.w / 2, y - box.y - box.h / 2)) / max(box.w, box.h), name)
        for name, box in faces
    ]
    near = [(distance, name) for distance, name in reach if distance <= _BELOW]
    return min(near)[1] if near else None


def _meant(label: str, owner: str | None, faces: FaceBoxes, still: bool) -> bool:
    """Whether a shape can be meant for the viewer; hands at work make all of them by chance."""
    yaw = faces.yaw(owner)
    if yaw is not None and abs(yaw) > _AVERTED_YAW:
        return False
    return still or owner is not None or label not in DELIBERATE


def _named(sights: list[_Sight], clip: Clip) -> list[Signal]:
    """One signal a label and owner; in a video a gesture must be seen twice or be very sure."""
    groups: dict[tuple[str, str | None], list[_Sight]] = {}
    for sight in sights:
        groups.setdefault((sight.label, sight.track), []).append(sight)
    out = []
    for (label, track), group in sorted(groups.items(), key=lambda item: min(s.index for s in item[1])):
        indices = sorted({sight.index for sight in group})
        best = max(group, key=lambda sight: sight.score)
        if not clip.still and len(indices) < 2 and best.score < _ONCE:
            continue
        out.append(
            Signal(
                "person.gesture",
                label,
                float(np.mean([sight.score for sight in group])),
                Span(float(clip.times[indices[0]]), _until(clip, indices[-1])),
                SOURCE,
                box=best.box,
                track=track,
                attributes={"vocabulary": "gesture", "looks": len(indices)},
            )
        )
    return out


def _holding(signals: SignalSet) -> bool:
    return any(str(one.value) in _HELD and (one.score or 0.0) >= 0.5 for one in signals.of("image.object"))


def _until(clip: Clip, index: int) -> float:
    later = clip.times[index + 1] if index + 1 < len(clip.times) else clip.duration
    return float(max(clip.times[index], later))


def _silent(clip: Clip) -> bool:
    """Whether nothing can be heard in the first minute. Hands that move to speech are no signing."""
    if not clip.has_audio:
        return True
    samples = clip.audio(16000, 0.0, 60.0)
    power = float(np.mean(np.square(samples))) if len(samples) else 0.0
    return power <= 10 ** (_SILENCE_DBFS / 10)
