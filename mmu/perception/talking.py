"""Who is talking: voices and faces that belong to one person.

A voice belongs to a face that is in the picture while it speaks, whose mouth
moves then and rests otherwise (after Cutler and Davis, "Look who's talking",
ICME 2000); gender as it looks and as it sounds may not contradict each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from mmu.errors import ConfigError
from mmu.perception.face_frames import FaceBoxes
from mmu.signals import Box, Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models import face_landmarks
from models.face_landmarks import FaceLandmarks

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

SOURCE = f"mouth_motion+{face_landmarks.SOURCE}"
#: landmarks: inner edges of the lips, and top and bottom of the face
_UPPER, _LOWER, _TOP, _CHIN = 13, 14, 10, 152
#: faces are read in at most so many frames, and at most so many in each
_MOST_FRAMES, _MOST_FACES = 60, 3
_LEAST_SIDE, _PRESENCE = 40.0, 0.5
#: opening of the mouth, as a share of the face, by which talking exceeds silence when it is clear
_CLEAR_MOTION = 0.025
#: a voice is joined to a face from this score
_JOINED = 0.4
#: factor when face and voice look and sound of different gender, and from which scores that is believed
_CONTRADICTION, _SURE = 0.4, 0.8
#: looks at a face, during speech, that a judgement needs
_LEAST_LOOKS = 2


class _Look(NamedTuple):
    time: float
    person: str
    opening: float


class Talking(Stage):
    """One signal for each voice whose face is in the picture."""

    name: ClassVar[str] = "talking"
    needs: ClassVar[Needs] = Needs(
        frames=True,
        kinds=frozenset({"face.track", "speech.speaker"}),
        wants=frozenset({"face.gender", "face.person"}),
    )
    emits: ClassVar[frozenset[str]] = frozenset({"speech.face"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=80)
    models: ClassVar[tuple[str, ...]] = ("face-landmarker",)

    def __init__(self) -> None:
        self._landmarks: FaceLandmarks | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._landmarks = FaceLandmarks(store.file("face-landmarker"), threads=threads)

    def close(self) -> None:
        self._landmarks = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._landmarks is None:
            raise ConfigError("stage 'talking' was not set up")
        voices, tracks = signals.of("speech.speaker"), signals.of("face.track")
        person = {one.track: str(one.attributes.get("person")) for one in tracks if one.track}
        people = sorted({one for one in person.values() if one != "None"})
        if not voices or not people or clip.still:
            return []
        looks = self._looks(clip, tracks, person)
        genders = _genders(signals.of("face.gender"), person)
        found = [[_join(voice, one, looks, genders.get(one)) for one in people] for voice in voices]
        scores = np.array([[one.score or 0.0 for one in row] for row in found])
        rows, columns = linear_sum_assignment(-scores)
        return [
            found[row][column]
            for row, column in zip(rows, columns, strict=True)
            if scores[row, column] >= _JOINED
        ]

    def _looks(self, clip: Clip, tracks: list[Signal], person: dict[str, str]) -> list[_Look]:
        boxes = FaceBoxes(tracks, clip)
        frames = boxes.frames()
        if len(frames) > _MOST_FRAMES:
            frames = [frames[round(i)] for i in np.linspace(0, len(frames) - 1, _MOST_FRAMES)]
        out: list[_Look] = []
        for frame in clip.frames(frames):
            for track, box in boxes.at(frame.index)[:_MOST_FACES]:
                opening = self._opening(frame.image, box)
                if opening is not None and track in person:
                    out.append(_Look(frame.time, person[track], opening))
        return out

    def _opening(self, image: NDArray[np.uint8], box: Box) -> float | None:
        """Distance of the lips as a share of the height of the face; None where that cannot be seen."""
        assert self._landmarks is not None
        if box.w < _LEAST_SIDE:
            return None
        # An upright face; the landmarker forgives a tilted one.
        eyes = [[box.x + share * box.w, box.y + 0.4 * box.h] for share in (0.3, 0.7, 0.5, 0.35, 0.65)]
        mesh = self._landmarks.read(image, box, np.array(eyes, np.float32))
        if mesh.presence < _PRESENCE:
            return None
        height = float(np.linalg.norm(mesh.points[_TOP] - mesh.points[_CHIN]))
        return float(np.linalg.norm(mesh.points[_UPPER] - mesh.points[_LOWER])) / max(height, 1e-6)


def _genders(signals: Sequence[Signal], person: dict[str, str]) -> dict[str, tuple[str, float]]:
    """Gender as each person looks, and how surely."""
    votes: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for one in signals:
        if one.track in person:
            votes[person[one.track]][str(one.value)] += one.score or 0.0
    out: dict[str, tuple[str, float]] = {}
    for name, found in votes.items():
        best = max(found, key=lambda value: found[value])
        out[name] = (best, found[best] / sum(found.values()))
    return out


def _join(voice: Signal, person: str, looks: list[_Look], gender: tuple[str, float] | None) -> Signal:
    """How likely a voice is a person's, with what speaks for it."""
    turns = [Span(start, end) for start, end in voice.attributes["turns"]]

    def speaking(time: float) -> bool:
        return any(turn.start - 0.1 <= time <= turn.end + 0.1 for turn in turns)

    during = [one for one in looks if speaking(one.time)]
    own = [one.opening for one in during if one.person == person]
    rest = [one.opening for one in looks if one.person == person and not speaking(one.time)]
    # Of the moments at which anybody was seen while the voice spoke.
    moments = {one.time for one in during}
    seen = len({one.time for one in during if one.person == person}) / len(moments) if moments else 0.0
    motion = 0.0
    if len(own) >= _LEAST_LOOKS:
        spread = float(np.std(own))
        calm = float(np.std(rest)) if len(rest) >= _LEAST_LOOKS else 0.0
        opened = float(np.mean(own)) - (float(np.mean(rest)) if rest else float(np.min(own)))
        motion = float(np.clip((max(spread - calm, 0.0) + max(opened, 0.0)) / _CLEAR_MOTION, 0, 1))
    agrees = 1.0
    voice_sure = float(voice.attributes.get("gender_score", 0.0)) >= _SURE
    if gender and voice_sure and gender[1] >= _SURE and gender[0] != voice.attributes["gender"]:
        agrees = _CONTRADICTION
    score = seen * (0.25 + 0.65 * motion) * agrees
    attributes = {
        "person": person,
        "seen_while_speaking": round(seen, 3),
        "mouth_motion": round(motion, 3),
        "looks": len(own),
        "gender_agrees": agrees == 1.0,
    }
    return Signal(
        "speech.face", voice.value, round(min(1.0, score), 4), voice.span, SOURCE, attributes=attributes
    )
