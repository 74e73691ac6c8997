"""Moderation policies as files: categories, rules, thresholds; read, checked and compiled once."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

import kg
from mmu.errors import PolicyError
from mmu.moderation.contacts import ContactKind
from mmu.moderation.lexicon import Entry, Lexicon, LexiconError, parse
from mmu.report.schema import Name, ReportAxis
from mmu.signals import KINDS

Score = Annotated[float, Field(gt=0, le=1)]
Severity = Annotated[int, Field(ge=1, le=5)]
TextAxis = Literal["user", "text", "speech"]
TEXT_AXES: tuple[TextAxis, ...] = ("user", "text", "speech")


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


class WordRule(_Rule):
    """Terms in the user's words, on screen or spoken. `file` is relative to the policy's folder."""

    file: str | None = None
    words: tuple[str, ...] = ()
    score: Score = 0.6
    axes: tuple[TextAxis, ...] = TEXT_AXES
    #: less for an axis where the words are often those of a play (speech) or of the scenery (text)
    trust: dict[TextAxis, Score] = {}


class ContactRule(_Rule):
    """Contact details; `kinds` gives each kind's weight, multiplied by how sure the pattern is."""

    kinds: dict[ContactKind, Score] = Field(min_length=1)
    axes: tuple[TextAxis, ...] = TEXT_AXES


class SignalRule(_Rule):
    """A signal of one kind (and one of the values) with at least this score."""

    kind: str
    values: tuple[str, ...] = ()
    at_least: Score = 0.5

    @field_validator("kind")
    @classmethod
    def _known(cls, kind: str) -> str:
        if kind not in KINDS:
            raise ValueError(f"unknown signal kind {kind!r}")
        return kind


class TagRule(_Rule):
    """One of the tags with at least this score, carried for the better half by evidence of `axes`."""

    tags: tuple[str, ...] = Field(min_length=1)
    at_least: Score = 0.6
    weight: Score = 1.0
    axes: tuple[ReportAxis, ...] = ("image",)


class Context(_Part):
    """Words that say that a text is about a thing and does not do it (news, warnings, lessons, fiction)."""

    id: str
    words: tuple[str, ...] = Field(min_length=1)
    categories: tuple[str, ...] = ()
    factor: float = Field(ge=0, lt=1)


class Thresholds(_Part):
    """Least confidence of a category, by its severity, for an action; left out: never."""

    review: dict[Severity, Score]
    block: dict[Severity, Score] = {}


class PolicyFile(_Part):
    """What a policy file holds."""

    schema_: Literal["mmu.policy/1"] = Field(alias="schema")
    name: str
    version: str
    thresholds: Thresholds
    categories: tuple[Category, ...] = Field(min_length=1)
    words: tuple[WordRule, ...] = ()
    contacts: tuple[ContactRule, ...] = ()
    signals: tuple[SignalRule, ...] = ()
    tags: tuple[TagRule, ...] = ()
    contexts: tuple[Context, ...] = ()


class Policy:
    """A checked policy, ready to decide. Made by `load_policy`."""

    def __init__(self, file: PolicyFile, folder: Path) -> None:
        """Check references and compile the word lists.

        Raises:
            PolicyError: an id used twice, an unknown category, a word list that cannot be read.
        """
        self.file = file
        self.name = file.name
        self.version = file.version
        self.categories = {category.id: category for category in file.categories}
        self._folder = folder
        self._check()
        self.lexicon = Lexicon(entry for rule in file.words for entry in self._entries(rule))
        self.word_rules = {rule.id: rule for rule in file.words}

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the policy's content, its word lists included."""
        content = hashlib.sha256(self.file.model_dump_json().encode())
        for rule in self.file.words:
            if rule.file:
                content.update((self._folder / rule.file).read_bytes())
        return content.hexdigest()

    @cached_property
    def context_lexicon(self) -> Lexicon:
        """Terms of the innocent contexts; the rule of an entry is the context's id."""
        return Lexicon(
            entry for context in self.file.contexts for entry in parse(context.id, context.words, score=1.0)
        )

    @cached_property
    def contexts(self) -> dict[str, Context]:
        return {context.id: context for context in self.file.contexts}

    def category_of_label(self, label: str) -> str | None:
        """The id of the category that goes by this name in another label set."""
        for category in self.file.categories:
            if label in category.labels:
                return category.id
        return None

    def _check(self) -> None:
        problems = []
        rules = [*self.file.words, *self.file.contacts, *self.file.signals, *self.file.tags]
        for what, ids in (
            ("category", [category.id for category in self.file.categories]),
            ("rule", [rule.id for rule in rules]),
            ("context", [context.id for context in self.file.contexts]),
        ):
            problems += [
                f"{what} id {i!r} is used twice" for i in sorted({i for i in ids if ids.count(i) > 1})
            ]
        for rule in rules:
            if rule.category not in self.categories:
                problems.append(f"rule {rule.id!r} names the unknown category {rule.category!r}")
        for context in self.file.contexts:
            problems += [
                f"context {context.id!r} names the unknown category {category!r}"
                for category in context.categories
                if category not in self.categories
            ]
        for word_rule in self.file.words:
            if not word_rule.file and not word_rule.words:
                problems.append(f"rule {word_rule.id!r} has neither a file nor words")
        if problems:
            raise PolicyError(f"policy {self.name!r}: " + "; ".join(problems))

    def _entries(self, rule: WordRule) -> list[Entry]:
        lines = list(rule.words)
        if rule.file:
            path = (self._folder / rule.file).resolve()
            if not path.is_relative_to(self._folder.resolve()):
                raise PolicyError(f"rule {rule.id!r}: {rule.file} lies outside the policy's folder")
            try:
                lines += path.read_text(encoding="utf-8").splitlines()
            except (OSError, UnicodeDecodeError) as error:
                raise PolicyError(f"rule {rule.id!r}: cannot read the word list {path}: {error}") from error
        try:
            return parse(rule.id, lines, score=rule.score)
        except LexiconError as error:
            raise PolicyError(f"rule {rule.id!r}, {rule.file or 'words'}: {error}") from error


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy; the shipped one by default.

    Raises:
        PolicyError: the file is missing, is not YAML, or does not hold together.
    """
    path = path or Path(kg.__file__).parent / "policies" / "default.yaml"
    try:
        data: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"cannot read the policy {path}: {error}") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"the policy {path} is not YAML: {error}") from error
    try:
        file = PolicyFile.model_validate(data)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or 'file'}: {item['msg']}"
            for item in error.errors()
        )
        raise PolicyError(f"the policy {path} is not valid: {problems}") from error
    return Policy(file, path.parent)
