"""Stage `actions`: what people do, from poses, objects at the body, labels and sound."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple

import numpy as np
import yaml
from numpy.typing import NDArray

from mmu.perception.body_shape import Motion
from mmu.perception.boxes_in_time import MovingBox
from mmu.perception.contacts import closeness
from mmu.perception.movements import movements
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage

if TYPE_CHECKING:
    from mmu.media.clip import Clip

_SOURCE = "actions@1"
_RULES = Path(__file__).with_name("data") / "action_rules.yaml"
#: an object below this is no evidence; from the second value on it is certain
_OBJECT = (0.35, 0.75)
#: share of the frames with the object in which a contact must hold, and frames that are enough
_LASTING, _ENOUGH = 0.3, 3
#: worth of a contact in a video whose person was read in one frame only
_GLIMPSE = 0.8
_MIN_SCORE = 0.2
_LABEL = 0.15


class ContactRule(NamedTuple):
    """One line of `data/action_rules.yaml`."""

    action: str
    relation: str
    objects: frozenset[str]
    most: float


@dataclass(slots=True)
class _Found:
    """One action of one person."""

    action: str
    score: float
    span: Span | None
    person: Signal
    because: list[dict[str, Any]] = field(default_factory=list)


class Actions(Stage):
    """Actions with what speaks for each; nothing where no body was read."""

    name: ClassVar[str] = "actions"
    needs: ClassVar[Needs] = Needs(
        kinds=frozenset({"person.pose"}),
        wants=frozenset({"image.object", "image.label", "audio.segment", "audio.event", "person.gesture"}),
    )
    emits: ClassVar[frozenset[str]] = frozenset({"person.action"})
    cost: ClassVar[Cost] = Cost(cpus=0.2, memory_mb=20)

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """One signal an action, of the person who does it most clearly."""
        found: list[_Found] = []
        for person in signals.of("person.pose"):
            for motion in motions(person):
                found += _contacts(person, motion, signals.of("image.object"), still=clip.still)
                found += _instruments(person, motion, signals)
                if not clip.still:
                    found += _movements(person, motion, signals)
        best: dict[str, _Found] = {}
        for one in found:
            if one.score >= _MIN_SCORE and (one.action not in best or one.score > best[one.action].score):
                best[one.action] = one
        return [_signal(one) for one in sorted(best.values(), key=lambda one: -one.score)]


def motions(person: Signal) -> list[Motion]:
    """The poses of a `person.pose` signal, shot by shot."""
    rows = np.array([row.split() for row in person.attributes.get("motion", [])], np.float64)
    out = []
    for shot in np.unique(rows[:, 1]) if len(rows) else ():
        own = rows[rows[:, 1] == shot]
        values = own[:, 2:].reshape(len(own), -1, 4)
        out.append(Motion(own[:, 0], values[:, :, :3], values[:, :, 3] / 100))
    return out


@cache
def contact_rules() -> tuple[ContactRule, ...]:
    """The rules for objects at the body."""
    data = yaml.safe_load(_RULES.read_text(encoding="utf-8"))
    return tuple(
        ContactRule(one["action"], one["relation"], frozenset(one["objects"]), float(one["most"]))
        for one in data["contacts"]
    )


@cache
def instrument_rules() -> dict[str, frozenset[str]]:
    """Action -> labels of the things that it is done with."""
    data = yaml.safe_load(_RULES.read_text(encoding="utf-8"))
    return {action: frozenset(labels) for action, labels in data["instruments"].items()}


def _contacts(person: Signal, motion: Motion, objects: Iterable[Signal], *, still: bool) -> Iterator[_Found]:
    for thing in objects:
        rules = [rule for rule in contact_rules() if str(thing.value) in rule.objects]
        score = thing.score or 0.0
        once = len(thing.attributes.get("boxes", [])) == 1
        if not rules or score < _OBJECT[0] or (once and not still):
            continue  # what flickers up in one look of a video is not there
        moving = MovingBox(thing)
        places = [(n, box) for n, t in enumerate(motion.times) if (box := moving.at(float(t))) is not None]
        sure = 0.5 + 0.5 * float(np.clip((score - _OBJECT[0]) / (_OBJECT[1] - _OBJECT[0]), 0, 1))
        for rule in rules:
            near = np.array(
                [
                    closeness(rule.relation, motion.points[n, :, :2], motion.visibility[n], motion.unit, box)
                    for n, box in places
                ]
            )
            lasting = _lasting(near, len(motion.times))
            if not still and len(motion.times) == 1:
                lasting *= _GLIMPSE
            if lasting:
                touched = [motion.times[places[int(i)][0]] for i in np.flatnonzero(near > 0)]
                yield _Found(
                    rule.action,
                    rule.most * sure * lasting,
                    _span(touched),
                    person,
                    [{"object": thing.id, "relation": rule.relation, "frames": len(touched)}],
                )


def _lasting(near: NDArray[np.float64], frames: int) -> float:
    """What a contact in some frames is worth: a touch in passing is nothing."""
    hits = int((near > 0).sum())
    needed = min(_ENOUGH, frames)
    if hits < min(2, frames) or (hits < needed and hits < len(near)) or hits < _LASTING * len(near):
        return 0.0
    level = float(np.sort(near)[::-1][:_ENOUGH].mean())
    return level * (1.0 if hits >= needed else 0.7)


def _instruments(person: Signal, motion: Motion, signals: SignalSet) -> Iterator[_Found]:
    if motion.seen("left_wrist") + motion.seen("right_wrist") < 0.5:
        return
    music = _heard(signals, "music", None)
    for action, labels in instrument_rules().items():
        seen = [
            one for one in signals.of("image.label") if one.value in labels and (one.score or 0) >= _LABEL
        ]
        if seen:
            probability = min(1.0, sum(one.score or 0.0 for one in seen))
            because = [{"label": one.id} for one in seen] + ([{"sound": "music"}] if music > 0.3 else [])
            score = probability * (0.55 + 0.25 * min(1.0, 2 * music))
            yield _Found(action, min(0.8, score), seen[0].span, person, because)


def _movements(person: Signal, motion: Motion, signals: SignalSet) -> Iterator[_Found]:
    span = Span(float(motion.times[0]), float(motion.times[-1]))
    for one in movements(motion, music=_heard(signals, "music", span)):
        score = one.score
        because: list[dict[str, Any]] = [{k: round(v, 2) for k, v in one.figures.items()}]
        if one.action == "clapping" and any(e.value == "applause" for e in signals.of("audio.event")):
            score, because = min(0.9, score + 0.2), [*because, {"sound": "applause"}]
        if one.action == "waving" and any(g.value == "Open_Palm" for g in signals.of("person.gesture")):
            score, because = min(0.85, score + 0.1), [*because, {"gesture": "Open_Palm"}]
        yield _Found(one.action, score, span, person, because)


def _heard(signals: SignalSet, label: str, span: Span | None) -> float:
    """Share of a span (None: of all that was heard) in which a class of sound was found."""
    segments = [one for one in signals.of("audio.segment") if one.span is not None]
    total = span.seconds if span else sum(one.span.seconds for one in segments if one.span)
    wanted = [one.span for one in segments if one.value == label and one.span is not None]
    found = sum(one.overlap(span) if span else one.seconds for one in wanted)
    return min(1.0, found / total) if total > 0 else 0.0


def _span(times: list[float]) -> Span | None:
    return Span(float(min(times)), float(max(times))) if times and max(times) > min(times) else None


def _signal(one: _Found) -> Signal:
    return Signal(
        "person.action",
        one.action,
        min(1.0, one.score),
        one.span,
        _SOURCE,
        box=one.person.box,
        track=one.person.track,
        attributes={"vocabulary": "action", "because": one.because},
    )
