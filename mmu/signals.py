"""`Signal`: the one currency between perception and reasoning.

A stage emits signals; reasoning reads nothing else. `KINDS` is the closed list
of what a signal can say, with the meaning of its fields. Times are seconds
from the first presented sample, boxes are pixels of the source frame after
rotation, scores are probability-like numbers in [0, 1] or None, never a
sentinel.
"""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Axis = Literal["media", "face", "person", "image", "text", "speech", "audio", "music"]

#: kind -> what `value` holds (and the attributes that matter to a reader).
KINDS: dict[str, str] = {
    "media.shot": "None; span of one shot",
    "media.black": "None; span in which the picture is black",
    "media.frozen": "None; span in which the picture does not change",
    "media.letterbox": "None; box = the picture inside the bars",
    "media.generator": "generator of machine-made content that the file's metadata names; nothing verified; "
    "attributes.place = c2pa|xmp|exif|container",
    "media.motion": "static|pan|tilt|zoom|shake for one shot; attributes.magnitude = share of frame a second",
    "face.track": "None; one face followed over time; embedding (128,) L2-normalised; "
    "attributes.person, .boxes [[t, x, y, w, h]], .frames, .quality, .best_time",
    "face.person": "person id; faces of one identity in this video; attributes.tracks, .seconds",
    "face.age": "years (float) of a track; attributes.spread = standard deviation in years",
    "face.gender": "female|male as it appears, of a track",
    "face.expression": "angry|disgust|fear|happy|neutral|sad|surprise of a track over a span",
    "person.pose": "None; body of one person; attributes.landmarks (33 x [x, y, z, visibility]), .posture, "
    ".share of the frame, .motion",
    "person.mask": "None; people in the picture; attributes.share of the frame, .outlines",
    "person.gesture": "gesture label; attributes.vocabulary",
    "person.action": "action label; attributes.vocabulary, .because",
    "image.label": "class label of the whole picture over a span; attributes.vocabulary",
    "image.object": "object label; box and track; attributes.vocabulary, .frames, .boxes [[t, x, y, w, h]]",
    "image.region": "class of a part of the picture over a span; attributes.share of it, .vocabulary",
    "image.scene": "scene label (indoor, outdoor, night, ...); attributes.vocabulary",
    "image.style": "style label (black_and_white, close_up, cartoon, ...); attributes.vocabulary",
    "image.colour": "colour name; score = share of the picture; attributes.rgb",
    "image.explicit": "'explicit'; score = probability",
    "image.quality": "name of the measure; score = 0 (bad) to 1 (good); attributes.raw",
    "image.code": "content of a QR code; attributes.purpose = contact|payment|link|text, .host",
    "image.embedding": "None; embedding of one keyframe",
    "image.answer": "name of something that a vision-language model says is shown; "
    "attributes.concept, .frames, .support = agrees|alone",
    "image.hash": "hex perceptual hash of one frame; attributes.algorithm",
    "text.line": "the text read; joined over time; attributes.role "
    "subtitle|title|overlay|watermark|scene, .language, .orientation",
    "text.sentiment": "positive|negative|abusive|neutral: what all words of the video sound like; "
    "attributes.shares",
    "speech.activity": "None; span in which somebody speaks",
    "speech.segment": "transcript of the span; attributes.language, .words [[start, end, word]]",
    "speech.language": "ISO 639-1 code of the main language; attributes.shares",
    "speech.speaker": "speaker id; embedding; attributes.turns, .gender, .age_group, .pitch_hz, .tract_cm",
    "speech.face": "speaker id whose face is seen; attributes.person, .mouth_motion, .seen_while_speaking",
    "speech.emotion": "angry|happy|neutral|sad, tone of voice of one stretch of speech; "
    "attributes.arousal, .scores, .speaker",
    "audio.segment": "speech|music|singing|noise|silence over a span",
    "audio.event": "sound event label; attributes.vocabulary",
    "audio.loudness": "integrated loudness in LUFS; attributes.peak_dbfs",
    "audio.quality": "name of the measure; score = 0 (bad) to 1 (good); attributes.raw",
    "music.segment": "None; span with music; score = presence",
    "music.tempo": "beats per minute; attributes.beats_s",
    "music.metre": "beats in a bar as '3/4'; attributes.downbeats_s",
    "music.chord": "chord over a span as 'C', 'A:min', 'N' (none)",
    "music.section": "letter of a section; equal letters sound alike",
    "music.song": "name of a track of the user's own library; attributes.offset (s), .speed, .pitch, .peaks",
    "music.key": "key as 'D minor'",
    "music.tag": "genre, mood or instrument label; attributes.vocabulary",
    "taught.match": "name of a taught concept; score = probability in one space; "
    "attributes.concept, .space, .evidence (nats)",
    "user.title": "title given with the video",
    "user.topic": "one hashtag given with the video",
    "user.mismatch": "kind of disagreement between the title and what is seen and heard",
}

#: kinds whose embedding says what is shown, not who: no biometric datum, and always in reports
OPEN_EMBEDDINGS = frozenset({"image.embedding"})


class Span(NamedTuple):
    """Half-open time range in seconds from the first presented sample."""

    start: float
    end: float

    @property
    def seconds(self) -> float:
        return max(0.0, self.end - self.start)

    def overlap(self, other: Span) -> float:
        """Seconds that both ranges share."""
        return max(0.0, min(self.end, other.end) - max(self.start, other.start))


class Box(NamedTuple):
    """Pixels of the source frame after rotation; (x, y) is the top left corner."""

    x: float
    y: float
    w: float
    h: float

    @property
    def area(self) -> float:
        return max(0.0, self.w) * max(0.0, self.h)

    def iou(self, other: Box) -> float:
        """Intersection over union, in [0, 1]."""
        w = min(self.x + self.w, other.x + other.w) - max(self.x, other.x)
        h = min(self.y + self.h, other.y + other.h) - max(self.y, other.y)
        if w <= 0 or h <= 0:
            return 0.0
        return w * h / (self.area + other.area - w * h)

    def rounded(self) -> tuple[float, float, float, float]:
        """To a tenth of a pixel, as reports hold it."""
        return round(self.x, 1), round(self.y, 1), round(self.w, 1), round(self.h, 1)

    def scaled(self, factor: float) -> Box:
        return Box(self.x * factor, self.y * factor, self.w * factor, self.h * factor)


@dataclass(frozen=True, slots=True)
class Signal:
    """One low-level observation.

    `source` names model and version (`yunet@2023mar`) or method
    (`librosa.beat_track`). `embedding` travels beside the signal and is left
    out of its JSON unless asked for.
    """

    kind: str
    value: str | float | None
    score: float | None
    span: Span | None
    source: str
    box: Box | None = None
    track: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    embedding: NDArray[np.float16] | None = field(default=None, compare=False, repr=False)
    id: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"unknown signal kind {self.kind!r}; known: {', '.join(KINDS)}")
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(f"{self.kind}: score {self.score} is outside [0, 1]")

    @property
    def axis(self) -> str:
        return self.kind.partition(".")[0]

    def to_json(self, *, embedding: bool = False) -> dict[str, Any]:
        """The signal as plain JSON data; its embedding only if asked for, as half floats in base64."""
        out: dict[str, Any] = {
            "id": self.id,
            "kind": self.kind,
            "value": self.value,
            "score": None if self.score is None else round(self.score, 4),
            "span": None if self.span is None else [round(t, 3) for t in self.span],
            "box": None if self.box is None else list(self.box.rounded()),
            "track": self.track,
            "source": self.source,
        }
        if self.attributes:
            out["attributes"] = self.attributes
        if embedding and self.embedding is not None:
            out["embedding"] = base64.b64encode(self.embedding.astype("<f2").tobytes()).decode()
        return out

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Signal:
        """The signal that `to_json` wrote, with its embedding where that was asked for."""
        packed = data.get("embedding")
        return cls(
            kind=data["kind"],
            value=data["value"],
            score=data["score"],
            span=None if data["span"] is None else Span(*data["span"]),
            source=data["source"],
            box=None if data["box"] is None else Box(*data["box"]),
            track=data["track"],
            attributes=dict(data.get("attributes", {})),
            embedding=None if packed is None else np.frombuffer(base64.b64decode(packed), "<f2"),
            id=data["id"],
        )


class SignalSet:
    """Signals of one video in the order they were emitted, indexed by kind and by id."""

    def __init__(self, signals: Iterable[Signal] = ()) -> None:
        self._by_kind: dict[str, list[Signal]] = defaultdict(list)
        self._by_id: dict[str, Signal] = {}
        for signal in signals:
            self.add(signal)

    def add(self, signal: Signal) -> Signal:
        """Store a signal; one without an id gets `kind:number`. Returns the stored signal."""
        if not signal.id:
            signal = replace(signal, id=f"{signal.kind}:{len(self._by_kind[signal.kind])}")
        if signal.id in self._by_id:
            raise ValueError(f"two signals with the id {signal.id!r}")
        self._by_kind[signal.kind].append(signal)
        self._by_id[signal.id] = signal
        return signal

    def of(self, *kinds: str) -> list[Signal]:
        """All signals of the given kinds."""
        return [signal for kind in kinds for signal in self._by_kind.get(kind, ())]

    def get(self, signal_id: str) -> Signal:
        return self._by_id[signal_id]

    def __iter__(self) -> Iterator[Signal]:
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)
