"""What a policy file may hold."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from mmu.moderation.contacts import ContactKind
from mmu.moderation.texts import TEXT_AXES, TextAxis
from mmu.report.schema import Name, ReportAxis
from mmu.signals import KINDS

Score = Annotated[float, Field(gt=0, le=1)]
Severity = Annotated[int, Field(ge=1, le=5)]
TextRole = Literal["subtitle", "title", "overlay", "watermark", "scene"]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Category(_Part):
    """One kind of violation; `labels` are its names in other label sets."""

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    name: Name
    severity: Severity
    description: Name
    labels: tuple[str, ...] = ()


class _Rule(_Part):
    id: str = Field(pattern=r"^[a-z][a-z0-9_.]*$")
    category: str
    #: tried out: its hits are reported and do not count
    shadow: bool = False
    #: ids of contexts in which it does not hold at all
    unless: tuple[str, ...] = ()


class WordRule(_Rule):
    """Terms in the user's words, on screen or spoken. `file` is relative to the policy's folder."""

    file: str | None = None
    words: tuple[str, ...] = ()
    score: Score = 0.6
    axes: tuple[TextAxis, ...] = TEXT_AXES
    #: less for an axis where the words are often those of a play (speech) or of the scenery (text)
    trust: dict[TextAxis, Score] = {}
    #: on-screen lines of these roles only
    roles: tuple[TextRole, ...] = ()


class ContactRule(_Rule):
    """Contact details; `kinds` gives each kind's weight, multiplied by how sure the pattern is."""

    kinds: dict[ContactKind, Score] = Field(min_length=1)
    axes: tuple[TextAxis, ...] = TEXT_AXES


class _SignalTest(_Part):
    kind: str
    values: tuple[str, ...] = ()
    at_least: Score | None = None
    #: for signals whose value is a number (loudness in LUFS, age in years)
    above: float | None = None
    below: float | None = None
    #: attributes that the signal must have, for instance the `purpose` of a code
    where: dict[str, str] = {}

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"unknown signal kind {kind!r}")
        return kind


class SignalRule(_Rule, _SignalTest):
    """A signal of one kind (and one of the values) with at least this score; `weight` scales its own."""

    weight: Score = 1.0


class TagRule(_Rule):
    """One of the tags with at least this score, carried for the better half by evidence of `axes`."""

    tags: tuple[str, ...] = Field(min_length=1)
    at_least: Score = 0.6
    weight: Score = 1.0
    axes: tuple[ReportAxis, ...] = ("image",)


class PersonTest(_Part):
    """A person of the video: a known face, or one whose estimated age says minor.

    `minor` is the least probability of being under 18, from the age estimate and its spread.
    """

    named: bool | None = None
    names: tuple[str, ...] = ()
    minor: Score | None = None

    @model_validator(mode="after")
    def _something(self) -> PersonTest:
        if self.named is None and not self.names and self.minor is None:
            raise ValueError("a person needs `named`, `names` or `minor`")
        return self


class PersonRule(_Rule, PersonTest):
    """A listed person, or a likely minor, by itself."""

    score: Score = 0.5


class Condition(_Part):
    """One part of a combination: exactly one of the tests, or further parts.

    `rule` is the id of another rule that has a hit; `words` are terms as in a word list.
    """

    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()
    none: tuple[Condition, ...] = ()
    words: tuple[str, ...] = ()
    rule: str | None = None
    tags: tuple[str, ...] = ()
    signal: _SignalTest | None = None
    person: PersonTest | None = None
    #: seconds between the parts of `all`; a part without a time (the title) is at all times
    within: float | None = Field(None, gt=0)
    at_least: Score = 0.5

    @model_validator(mode="after")
    def _one(self) -> Condition:
        tests = [self.words, self.rule, self.tags, self.signal, self.person]
        given = sum(bool(test) for test in tests)
        nested = bool(self.all or self.any or self.none)
        if given + nested != 1:
            raise ValueError(
                "exactly one of words, rule, tags, signal, person is needed, or all / any / none"
            )
        if self.within is not None and len(self.all) < 2:
            raise ValueError("`within` needs at least two parts under `all`")
        if self.none and not (self.all or self.any):
            raise ValueError("`none` needs something beside it under `all` or `any`")
        return self


class Combination(_Rule):
    """Several things together: `when` says which."""

    when: Condition
    score: Score = 0.6


class LikenessRule(_Rule):
    """The whole reads more like these sentences than like ordinary videos, by at least this margin."""

    file: str | None = None
    sentences: tuple[str, ...] = ()
    at_least: float = Field(0.08, gt=0, lt=1)
    score: Score = 0.45


class Harmless(_Part):
    """Sentences of ordinary videos: the other side of every likeness rule.

    Words count `factor` as much in a video that reads harmless by at least `margin`.
    """

    file: str | None = None
    sentences: tuple[str, ...] = ()
    factor: float = Field(1.0, ge=0, le=1)
    margin: float = Field(0.05, ge=0, lt=1)


class Context(_Part):
    """Words that say that a text is about a thing and does not do it (news, warnings, lessons, fiction).

    With a factor of 1 it softens nothing and is there for rules to name in `unless`.
    """

    id: str
    words: tuple[str, ...] = Field(min_length=1)
    categories: tuple[str, ...] = ()
    factor: float = Field(ge=0, le=1)


class Example(_Part):
    """A test of the policy: a text and what must come of it."""

    text: str
    decision: tuple[Literal["pass", "review", "block"], ...] = Field(min_length=1)
    category: str | None = None

    @field_validator("decision", mode="before")
    @classmethod
    def _several(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value


class Thresholds(_Part):
    """Least confidence of a category, by its severity, for an action; left out: never."""

    review: dict[Severity, Score]
    block: dict[Severity, Score] = {}


class PolicyFile(_Part):
    """What a policy file holds."""

    schema_: Literal["mmu.policy/1"] = Field(alias="schema")
    name: str
    version: str
    #: evaluated and reported, never acted on
    shadow: bool = False
    thresholds: Thresholds
    categories: tuple[Category, ...] = Field(min_length=1)
    words: tuple[WordRule, ...] = ()
    contacts: tuple[ContactRule, ...] = ()
    signals: tuple[SignalRule, ...] = ()
    tags: tuple[TagRule, ...] = ()
    people: tuple[PersonRule, ...] = ()
    combinations: tuple[Combination, ...] = ()
    likeness: tuple[LikenessRule, ...] = ()
    harmless: Harmless | None = None
    #: the trained classifier's labels count this much of its probability
    classifier_weight: Score = 0.8
    contexts: tuple[Context, ...] = ()
    examples: tuple[Example, ...] = ()

    @property
    def rules(self) -> tuple[_Rule, ...]:
        """Rules of every kind, in order."""
        return (
            *self.words,
            *self.contacts,
            *self.signals,
            *self.tags,
            *self.people,
            *self.likeness,
            *self.combinations,
        )
