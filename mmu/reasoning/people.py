"""The people of a video, gathered from the signals."""

from __future__ import annotations

from collections import Counter

from mmu.report.schema import Person
from mmu.signals import Signal, SignalSet

#: a gender estimated from a face below this is not stated
SURE_GENDER = 0.6


def gather_people(signals: SignalSet, *, embeddings: bool = False) -> list[Person]:
    """One entry per identity, longest on screen first.

    Args:
        signals: of one video.
        embeddings: include the identity embedding (biometric data; off by default).
    """
    people = [_person(one, signals, embeddings) for one in signals.of("face.person")]
    return sorted(people, key=lambda person: (-person.seconds, person.id))


def _person(identity: Signal, signals: SignalSet, embeddings: bool) -> Person:
    person = str(identity.value)
    tracks = [track for track in signals.of("face.track") if track.attributes.get("person") == person]
    names = {track.track for track in tracks}
    ages = [
        one for one in signals.of("face.age") if one.track in names and isinstance(one.value, int | float)
    ]
    genders = [one for one in signals.of("face.gender") if one.track in names]
    expressions = [one for one in signals.of("face.expression") if one.track in names]
    best = max(tracks, key=lambda track: float(track.attributes.get("quality", 0.0)), default=None)
    gender, gender_score = _vote(genders)
    expression, _ = _vote(expressions)
    spans = sorted((round(track.span.start, 3), round(track.span.end, 3)) for track in tracks if track.span)
    seconds = float(identity.attributes.get("seconds", sum(end - start for start, end in spans)))
    return Person(
        id=person,
        name=identity.attributes.get("name"),
        name_score=identity.attributes.get("match"),
        seconds=round(seconds, 3),
        spans=spans,
        age=_mean([float(one.value) for one in ages if one.value is not None]),
        age_spread=_mean([float(one.attributes["spread"]) for one in ages if "spread" in one.attributes]),
        gender=gender if gender in ("female", "male") and (gender_score or 0) >= SURE_GENDER else None,
        gender_score=gender_score,
        expression=expression,
        box=None if best is None or best.box is None else best.box.rounded(),
        best_time=None if best is None else best.attributes.get("best_time"),
        signals=[one.id for one in (identity, *tracks, *ages, *genders, *expressions)],
        embedding=listed(identity) if embeddings else None,
    )


def listed(signal: Signal) -> list[float] | None:
    """The embedding of a signal as plain numbers."""
    return None if signal.embedding is None else [float(value) for value in signal.embedding]


def _vote(signals: list[Signal]) -> tuple[str | None, float | None]:
    """The value with the most score × seconds, and its share of all."""
    votes: Counter[str] = Counter()
    for signal in signals:
        seconds = signal.span.seconds if signal.span else 1.0
        votes[str(signal.value)] += (signal.score or 0.0) * max(seconds, 0.1)  # type: ignore[assignment]
    if not votes:
        return None, None
    value, _ = votes.most_common(1)[0]
    chosen = [signal.score or 0.0 for signal in signals if signal.value == value]
    return value, round(sum(chosen) / len(chosen), 4)


def _mean(values: list[float]) -> float | None:
    return round(sum(values) / len(values), 1) if values else None
