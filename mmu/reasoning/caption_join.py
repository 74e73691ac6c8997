"""Who does what where: only what shares a moment is joined, the rest is told apart."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product

from mmu.report.schema import Person, Tag, TimeRange

VISUAL = ("image", "face")
#: names of people, and things, listed at once
LISTED = 3
#: tags that are not said of a face of the other gender
GENDERED = {"female": frozenset({"man", "boy"}), "male": frozenset({"woman", "girl"})}

#: seconds in which something is there, in order; None = throughout
Moments = tuple[TimeRange, ...] | None


@dataclass(slots=True)
class Group:
    """People who are told of together."""

    #: what one of them is called
    person: Tag | None = None
    #: different faces of women, men and of people whose gender is not clear
    faces: dict[str, int] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)
    signals: list[str] = field(default_factory=list)

    @property
    def total(self) -> int:
        return sum(self.faces.values())


@dataclass(slots=True)
class Joined:
    """One clause, whose parts share a moment, and what is left over."""

    people: Group = field(default_factory=Group)
    action: Tag | None = None
    place: Tag | None = None
    #: when all of the clause is there
    moments: Moments = None
    others: Group = field(default_factory=Group)
    #: the first action and the first place, where none could be joined with the people
    left: list[Tag] = field(default_factory=list)


def moments(tag: Tag) -> Moments:
    """When a tag is seen; where no picture with a time shows it, when its evidence has it."""
    seen = [one.span for one in tag.evidence if one.axis in VISUAL and one.span is not None]
    return tuple(sorted(seen or tag.spans)) or None


def meet(*some: Moments) -> Moments:
    """The moments that all share; empty where they never meet."""
    shared: Moments = None
    for one in some:
        if shared is None or one is None:
            shared = one if shared is None else shared
            continue
        shared = tuple(sorted({both for a, b in product(shared, one) if (both := _both(a, b))}))
    return shared


def _both(a: TimeRange, b: TimeRange) -> TimeRange | None:
    """What two stretches share; touching ends share nothing, an instant lies in what holds it."""
    start, end = max(a[0], b[0]), min(a[1], b[1])
    instant = start == end and (a[0] == a[1] or b[0] == b[1])
    return (start, end) if start < end or instant else None


def join(
    persons: Sequence[Tag], faces: Sequence[Person], actions: Sequence[Tag], places: Sequence[Tag]
) -> Joined:
    """The first action, then the first place, that meet somebody; those are the clause, others are apart.

    Args:
        persons: tags of people, the one to be used first.
        faces: different people; without any, the first tag stands for whoever is there.
        actions: most telling first.
        places: most telling first.
    """
    present = [_Present(one, tuple(one.spans) or None) for one in faces]
    if not present:
        # without a face, or anybody, there is one who may be anywhere the tag is
        present = [_Present(None, moments(persons[0]) if persons else None)]
    action = next((one for one in actions if _there(present, moments(one))), None)
    during = moments(action) if action else None
    place = next((one for one in places if _there(present, meet(during, moments(one)))), None)
    during = meet(during, moments(place) if place else None)
    inside = _there(present, during)
    outside = [one for one in present if one not in inside]
    left = [*([] if action else actions[:1]), *([] if place else places[:1])]
    return Joined(
        people=_group(inside, persons),
        action=action,
        place=place,
        moments=_any(meet(one.when, during) for one in inside),
        others=_group(outside, persons),
        left=left,
    )


@dataclass(frozen=True, slots=True)
class _Present:
    """Somebody, with a face or without, and when they are there."""

    face: Person | None
    when: Moments


def _there(present: Sequence[_Present], when: Moments) -> list[_Present]:
    """Those who are there at some of these moments."""
    return [one for one in present if meet(one.when, when) != ()]


def _any(some: Iterable[Moments]) -> Moments:
    """The moments of all of them together."""
    spans: set[TimeRange] = set()
    for one in some:
        if one is None:
            return None
        spans.update(one)
    return tuple(sorted(spans)) or None


def _group(present: Sequence[_Present], persons: Sequence[Tag]) -> Group:
    group = Group()
    for face in (one.face for one in present if one.face is not None):
        gender = face.gender or "unclear"
        group.faces[gender] = group.faces.get(gender, 0) + 1
        group.signals += face.signals[:1]
        if face.name and face.name not in group.names and len(group.names) < LISTED:
            group.names.append(face.name)
    other = GENDERED.get(next(iter(group.faces)), frozenset()) if len(group.faces) == 1 else frozenset()
    fits = (tag for tag in persons if tag.id not in other and _there(present, moments(tag)))
    group.person = next(fits, None)
    return group
