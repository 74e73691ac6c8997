"""Why a video answers a search, and where in it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from mmu.search.document import Document, Times
from mmu.search.query import Query
from mmu.search.rank import SHOWN, TEXT, THINGS, WORDS, Scored
from mmu.search.words import words

#: reasons given, at most
MOST = 6
#: a thing that fits a part of the query less than this is no reason
_FITS = 0.15
#: spans shorter than this are widened, so that something is seen, in seconds
_SHORT = 1.0
Kind = Literal["shown", "named", "song", "words", "meaning", "copy", "picture"]
#: what a thing is by the beginning of its key, where it is not shown
_KINDS: dict[str, Kind] = {"name": "named", "song": "song"}


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason: what of the query it answers, with what, where and how strongly."""

    kind: Kind
    #: the part of the query
    asked: str
    #: the thing or passage of the video
    found: str
    span: Times | None
    weight: float
    #: evidence: signal → label → concept, or the field of a passage
    why: str


def reasons(query: Query, scored: Scored, document: Document, units: Mapping[str, int]) -> list[Reason]:
    """The strongest reasons for a hit."""
    found: list[Reason] = []
    for part in query.parts:
        fitting = [
            (float(part.fits[units[thing.key]]) * thing.score**0.5, thing)
            for thing in document.things
            if units.get(thing.key, len(part.fits)) < len(part.fits)
        ]
        strength, thing = max(fitting, key=lambda one: one[0], default=(0.0, None))
        if thing is not None and strength >= _FITS:
            span = max(thing.spans, key=lambda one: one[1] - one[0], default=None)
            weight = THINGS * strength / max(1, len(query.parts))
            kind = _KINDS.get(thing.key.partition(":")[0], "shown")
            found.append(Reason(kind, part.text, thing.text, span, round(weight, 4), thing.why))
    wanted = set(query.words)
    for passage in document.passages if wanted and scored.words > 0 else ():
        shared = wanted.intersection(words(passage.text))
        if shared:
            weight = WORDS * scored.words * len(shared) / len(wanted)
            said = " ".join(word for word in query.words if word in shared)
            found.append(Reason("words", said, passage.text, passage.span, round(weight, 4), passage.field))
    pieces = document.pieces()
    if 0 < scored.piece <= len(pieces) and scored.text >= 0.3:
        text, span = pieces[scored.piece - 1]
        found.append(Reason("meaning", query.text, text, span, round(TEXT * scored.text, 4), "text"))
    if not found:
        things = ", ".join(thing.text for thing in document.things[:3])
        found.append(
            Reason("meaning", query.text, things, None, round(SHOWN * scored.shown, 4), "all that is shown")
        )
    return sorted(found, key=lambda one: -one.weight)[:MOST]


def moment(found: list[Reason], document: Document) -> Times | None:
    """The seconds in which the strongest reason that has any holds; None where that is all of the video."""
    for reason in found:
        if reason.span is not None:
            start, end = reason.span
            if end - start < _SHORT:
                middle = (start + end) / 2
                start, end = (
                    max(0.0, middle - _SHORT / 2),
                    min(max(end, document.duration), middle + _SHORT / 2),
                )
            if end - start < 0.9 * document.duration:
                return round(start, 2), round(end, 2)
    return None
