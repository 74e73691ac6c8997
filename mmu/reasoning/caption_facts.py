"""What a caption may say: the facts of a report that are sure enough, sorted by their part in a sentence."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, Literal

import yaml

from kg import Graph
from mmu.reasoning.caption_join import LISTED, VISUAL, Group, Moments, join, meet, moments
from mmu.reasoning.select import specific
from mmu.report.schema import Category, Emotion, Person, Tag, TextLine, TranscriptSegment

Medium = Literal["video", "picture", "audio"]

#: who rides a bicycle has one: what an action implies this surely is not told again
IMPLIED = 0.9
#: a tag from SURE is stated, from LIKELY it is said to be likely, below it is left out
SURE, LIKELY = 0.48, 0.36
#: a category below this is not named
SURE_CATEGORY = 0.38
#: share of a tag's evidence that must be visual before it is said to be seen
SHOWN = 0.4
#: share of a tag's evidence that must not be the user's own words
WITNESSED = 0.3
DOUBTS = 2
#: seconds for which a face must be seen to be counted among the people
SEEN = 0.5
QUOTES = 2
SHORTEST, LONGEST = 4, 60


@dataclass(frozen=True, slots=True)
class Quote:
    """Words that are read or heard, shortened."""

    text: str
    signal: str


@dataclass(slots=True)
class Facts:
    """Tags by their part in the sentence; every list is short and ordered."""

    medium: Medium
    category: Category | None = None
    styles: list[Tag] = field(default_factory=list)
    #: people, action and place share a moment, and each thing one with them
    people: Group = field(default_factory=Group)
    action: Tag | None = None
    place: Tag | None = None
    things: list[Tag] = field(default_factory=list)
    #: people and tags that are there at another time
    others: Group = field(default_factory=Group)
    apart: list[Tag] = field(default_factory=list)
    #: when people, action and place are all there
    moments: Moments = None
    doubts: list[Tag] = field(default_factory=list)
    #: what is likely done, where nothing surely is
    maybe: Tag | None = None
    music: Tag | None = None
    mood: Tag | None = None
    title: Quote | None = None
    spoken: list[Quote] = field(default_factory=list)
    language: Tag | None = None

    @property
    def tags(self) -> list[Tag]:
        """Every tag whose name the caption may use."""
        people = (self.people.person, self.others.person)
        alone = (*people, self.action, self.maybe, self.place, self.music, self.mood, self.language)
        return [*(one for one in alone if one), *self.styles, *self.things, *self.apart, *self.doubts]

    @property
    def quotes(self) -> list[Quote]:
        return [*([self.title] if self.title else []), *self.spoken]

    @property
    def empty(self) -> bool:
        return not (self.tags or self.quotes or self.category or self.people.names)


@cache
def words() -> dict[str, Any]:
    """The shipped words of manner and place."""
    text = (files("mmu.reasoning") / "data" / "captions.yaml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def choose_facts(
    tags: Sequence[Tag],
    category: Category | None,
    graph: Graph,
    *,
    medium: Medium,
    people: Sequence[Person] = (),
    transcript: Sequence[TranscriptSegment] = (),
    lines: Sequence[TextLine] = (),
    emotion: Emotion | None = None,
) -> Facts:
    """Choose what to say. Person, action and place are joined only where they are seen at the same time.

    Args:
        tags: of the report, most telling first.
        category: named when it is sure enough.
        graph: a broader word of something chosen is not said again.
        medium: what kind of file it is.
        people: faces of different people, counted where they are long enough in view.
        transcript: quoted when there is speech.
        lines: a title on screen is quoted.
        emotion: of the report, the mood where it is at least likely.
    """
    witnessed = [tag for tag in tags if 1 - share(tag, ("user",)) >= WITNESSED]
    unsaid = set(words()["unsaid"])
    witnessed = [tag for tag in witnessed if tag.id not in unsaid]
    sure = specific([tag for tag in witnessed if tag.score >= SURE], graph)
    facts = Facts(medium, category if category is not None and category.score >= SURE_CATEGORY else None)
    seen = [tag for tag in sure if share(tag, VISUAL) >= SHOWN] if medium != "audio" else []
    facts.styles = [tag for tag in seen if tag.id in words()["styles"]][:1]
    views = set(words()["views"])
    _who_does_what_where(facts, [tag for tag in sure if tag.id not in views], people)
    told = graph.concepts[facts.action.id].implies if facts.action is not None else {}
    things = [
        tag for tag in seen if (tag.facet == "element" or tag.id in views) and told.get(tag.id, 0.0) < IMPLIED
    ]
    _add_things(facts, _apart(things, graph)[:LISTED])
    facts.music = next((tag for tag in sure if tag.facet == "music"), None)
    facts.mood = _mood(witnessed, emotion)
    _doubts(facts, witnessed, graph)
    facts.title = _title(lines)
    facts.spoken = _said(transcript)
    if facts.spoken:
        facts.language = next((tag for tag in witnessed if tag.facet == "language"), None)
    return facts


def share(tag: Tag, axes: tuple[str, ...]) -> float:
    """Share of a tag's evidence that comes from these axes."""
    return sum(one.weight for one in tag.evidence if one.axis in axes) / max(tag.score, 1e-9)


def _who_does_what_where(facts: Facts, sure: Sequence[Tag], people: Sequence[Person]) -> None:
    known = words()["people"]
    persons = sorted((tag for tag in sure if tag.facet == "person"), key=lambda tag: tag.id not in known)
    shown = [one for one in people if facts.medium == "picture" or one.seconds >= SEEN]
    actions, places = ([tag for tag in sure if tag.facet == facet] for facet in ("action", "scene"))
    joined = join(persons, shown, actions, places)
    facts.people, facts.others = joined.people, joined.others
    facts.action, facts.place, facts.moments = joined.action, joined.place, joined.moments
    # "also indoors" tells nothing
    facts.apart = [tag for tag in joined.left if tag.id not in words()["adverbs"]]


def _add_things(facts: Facts, things: Sequence[Tag]) -> None:
    """Things that are there when the clause holds go with it, the others are listed apart."""
    for tag in things:
        there = meet(facts.moments, moments(tag)) != ()
        (facts.things if there else facts.apart).append(tag)


def _mood(witnessed: Sequence[Tag], emotion: Emotion | None) -> Tag | None:
    """The tag of the report's own emotion, so that both say the same."""
    if emotion is None or emotion.label == "neutral" or emotion.score < LIKELY:
        return None
    return next((tag for tag in witnessed if tag.id == emotion.label), None)


def _apart(tags: Sequence[Tag], graph: Graph) -> list[Tag]:
    """The tags less those that a tag before them implies: whoever sees a car sees a vehicle."""
    kept: list[Tag] = []
    for tag in tags:
        implied = any(tag.id in {**graph.ancestors(one.id), **graph.concepts[one.id].implies} for one in kept)
        if not implied:
            kept.append(tag)
    return kept


def _doubts(facts: Facts, witnessed: Sequence[Tag], graph: Graph) -> None:
    """Likely things, where little is sure, and nothing narrower or broader than what is."""
    likely = [tag for tag in witnessed if LIKELY <= tag.score < SURE and share(tag, VISUAL) >= SHOWN]
    said = {tag.id for tag in facts.tags}
    if facts.action is None:
        doing = (tag for tag in likely if tag.facet == "action" and tag.name.en.split()[0].endswith("ing"))
        facts.maybe = next(doing, None)
    room = DOUBTS if len(facts.things) + len(facts.apart) + bool(facts.action) + bool(facts.place) < 2 else 0
    things = [tag for tag in likely if tag.facet == "element"]
    for tag in _apart(specific(things, graph), graph)[:room]:
        near = set(graph.ancestors(tag.id)) & said or any(tag.id in graph.ancestors(one) for one in said)
        if not near and tag.id not in said:
            facts.doubts.append(tag)


def _title(lines: Sequence[TextLine]) -> Quote | None:
    """The first line in the role of a title that reads like one."""
    for line in lines:
        letters = re.findall(r"[^\W\d_]", line.text)
        enough = len(letters) >= SHORTEST and len(letters) >= 0.6 * len(line.text.replace(" ", ""))
        if line.role == "title" and enough and (line.score is None or line.score >= 0.8):
            return Quote(shorten(line.text), line.signal)
    return None


def _said(transcript: Sequence[TranscriptSegment]) -> list[Quote]:
    """The most telling things said, in their order: whole sentences of a length that can be quoted."""
    # what is said twice (a refrain, a loop) is quoted once
    first = {one.text.strip().casefold(): one for one in reversed(transcript)}
    usable = [one for one in first.values() if len(one.text.strip()) >= SHORTEST]

    def worth(segment: TranscriptSegment) -> float:
        text = segment.text.strip()
        whole = text[-1:] in "。！？.!?" and (text[:1].isupper() or not text[:1].isascii())
        fits = min(len(text), LONGEST) / LONGEST - 0.5 * (len(text) > LONGEST)
        return 1.5 * fits + 0.5 * whole + 0.5 * (segment.score or 0.0)

    chosen = sorted(sorted(usable, key=worth, reverse=True)[:QUOTES], key=lambda one: one.start)
    return [Quote(shorten(one.text.strip()), one.signal) for one in chosen]


def shorten(text: str) -> str:
    """At most `LONGEST` characters, cut between words, marked with an ellipsis."""
    if len(text) <= LONGEST:
        return text
    cut = text[: LONGEST - 1]
    space = cut.rfind(" ")
    return (cut[:space] if space > LONGEST // 2 else cut).rstrip(" ,，、;；") + "…"
