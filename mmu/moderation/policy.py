"""Moderation policies as files: categories, rules, thresholds; read, checked and compiled once."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

import kg
from mmu.errors import PolicyError
from mmu.moderation.lexicon import Entry, Lexicon, LexiconError, parse
from mmu.moderation.likeness import HARMLESS, Likeness
from mmu.moderation.policy_schema import Category, Condition, Context, PolicyFile, WordRule
from mmu.moderation.texts import TEXT_AXES, TextAxis
from models.store import default_root

__all__ = ["TEXT_AXES", "Category", "Context", "Policy", "PolicyFile", "TextAxis", "WordRule", "load_policy"]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


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
        self.sentences = self._sentences()
        self.likeness = Likeness(self.sentences, cache=default_root() / "cache" / "likeness")
        self.condition_words = {
            condition.words: Lexicon(self._terms("combination", condition.words, 1.0))
            for rule in file.combinations
            for condition in _conditions(rule.when)
            if condition.words
        }

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the policy's content, its word lists and sentences included."""
        content = hashlib.sha256(self.file.model_dump_json().encode())
        for rule in self.file.words:
            if rule.file:
                content.update((self._folder / rule.file).read_bytes())
        for name, sentences in self.sentences.items():
            content.update("\n".join([name, *sentences]).encode())
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

    def as_shadow(self) -> Policy:
        """The same policy, evaluated and never acted on."""
        if self.file.shadow:
            return self
        return Policy(self.file.model_copy(update={"shadow": True}), self._folder)

    def category_of_label(self, label: str) -> str | None:
        """The id of the category that goes by this name in another label set."""
        for category in self.file.categories:
            if label in category.labels or label == category.id:
                return category.id
        return None

    @property
    def described(self) -> dict[str, str]:
        """Label, or id of a category -> the likeness rule whose sentences describe it."""
        return {
            label: rule.id
            for rule in self.file.likeness
            for label in (rule.category, *self.categories[rule.category].labels)
        }

    def _check(self) -> None:
        problems = []
        rules = self.file.rules
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
        problems += [
            f"rule {one.id!r} has neither a file nor words"
            for one in self.file.words
            if not one.file and not one.words
        ]
        problems += [
            f"rule {one.id!r} has neither a file nor sentences"
            for one in self.file.likeness
            if not one.file and not one.sentences
        ]
        known = {context.id for context in self.file.contexts}
        problems += [
            f"rule {rule.id!r} names the unknown context {name!r}"
            for rule in rules
            for name in rule.unless
            if name not in known
        ]
        if self.file.likeness and self.file.harmless is None:
            problems.append("likeness rules need `harmless` to compare with")
        simple = {rule.id for rule in rules} - {rule.id for rule in self.file.combinations}
        for combination in self.file.combinations:
            problems += [
                f"combination {combination.id!r} names the unknown rule {condition.rule!r}"
                for condition in _conditions(combination.when)
                if condition.rule is not None and condition.rule not in simple
            ]
        for example in self.file.examples:
            if example.category is not None and example.category not in self.categories:
                problems.append(f"the example {example.text[:20]!r} names an unknown category")
        if problems:
            raise PolicyError(f"policy {self.name!r}: " + "; ".join(problems))

    def _sentences(self) -> dict[str, tuple[str, ...]]:
        """Sentences of each likeness rule by its id, and of the ordinary side."""
        found = {rule.id: self._lines(rule.id, rule.file, rule.sentences) for rule in self.file.likeness}
        if self.file.harmless is not None:
            own = self.file.harmless
            found[HARMLESS] = self._lines(HARMLESS, own.file, own.sentences)
        return found

    def _lines(self, rule: str, file: str | None, more: Sequence[str]) -> tuple[str, ...]:
        lines = [*more, *(self._read(rule, file) if file else ())]
        return tuple(line.strip() for line in lines if line.strip() and not line.startswith("#"))

    def _entries(self, rule: WordRule) -> list[Entry]:
        lines = [*(self._read(rule.id, rule.file) if rule.file else ())]
        name = rule.file or "words"
        return [
            *self._terms(rule.id, rule.words, rule.score),
            *self._terms(rule.id, lines, rule.score, name),
        ]

    def _terms(self, rule: str, lines: Sequence[str], score: float, name: str = "words") -> list[Entry]:
        try:
            return parse(rule, lines, score=score)
        except LexiconError as error:
            raise PolicyError(f"rule {rule!r}, {name}: {error}") from error

    def _read(self, rule: str, name: str) -> list[str]:
        path = (self._folder / name).resolve()
        if not path.is_relative_to(self._folder.resolve()):
            raise PolicyError(f"rule {rule!r}: {name} lies outside the policy's folder")
        try:
            return path.read_text(encoding="utf-8").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise PolicyError(f"rule {rule!r}: cannot read the word list {path}: {error}") from error


def _conditions(condition: Condition) -> Iterator[Condition]:
    yield condition
    for part in (*condition.all, *condition.any, *condition.none):
        yield from _conditions(part)


def load_policy(path: Path | None = None) -> Policy:
    """Read a policy; the shipped one by default.

    Raises:
        PolicyError: the file is missing, is not YAML, or does not hold together; with the line.
    """
    path = path or Path(kg.__file__).parent / "policies" / "default.yaml"
    try:
        text = path.read_text(encoding="utf-8")
        data = yaml.load(text, Loader=_LOADER)
    except (OSError, UnicodeDecodeError) as error:
        raise PolicyError(f"cannot read the policy {path}: {error}") from error
    except yaml.YAMLError as error:
        raise PolicyError(f"the policy {path} is not YAML: {error}") from error
    try:
        file = PolicyFile.model_validate(data)
    except ValidationError as error:
        tree = yaml.compose(text, _LOADER)
        problems = "; ".join(
            f"{path}:{_line(tree, item['loc'])}: "
            f"{'.'.join(str(part) for part in item['loc']) or 'file'}: {item['msg']}"
            for item in error.errors()
        )
        raise PolicyError(f"the policy is not valid: {problems}") from error
    try:
        return Policy(file, path.parent)
    except PolicyError as error:
        raise PolicyError(f"{path}: {error}") from error


def _line(node: yaml.Node | None, place: Sequence[int | str]) -> int:
    """The line of a place in a YAML file, or of the innermost part of it that exists."""
    line = 1 if node is None else node.start_mark.line + 1
    for part in place:
        found: yaml.Node | None = None
        if isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            found = node.value[part]
        elif isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                if str(getattr(key, "value", "")) == str(part):
                    line, found = key.start_mark.line + 1, value
                    break
        if found is None:
            break
        node = found
        line = max(line, node.start_mark.line + 1) if isinstance(part, int) else line
    return line
