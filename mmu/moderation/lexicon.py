"""Many terms over a text at once, robust to spacing, case, width and script.

A word list has one term a line:

    term                 with the score of its rule
    term = 0.9           with its own score
    one + other          all of them in one text
    ! innocent           covers the terms inside it: no hit there
    # comment
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from mmu.moderation.normalise import dense, has_han, term, words


class LexiconError(ValueError):
    """A line of a word list that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a word list; `parts` in normal form, all needed."""

    rule: str
    parts: tuple[str, ...]
    score: float
    exception: bool = False


class Match(NamedTuple):
    """An entry found in a text, and where: places in the original text."""

    entry: Entry
    start: int
    end: int


def parse(rule: str, lines: Iterable[str], *, score: float) -> list[Entry]:
    """Entries of a word list.

    Raises:
        LexiconError: with the number of the line.
    """
    entries = []
    for number, line in enumerate(lines, 1):
        text = line.split("#", 1)[0].strip()
        if not text:
            continue
        exception = text.startswith("!")
        text, equals, own = text.lstrip("!").partition("=")
        try:
            value = float(own) if equals else score
        except ValueError:
            raise LexiconError(f"line {number}: {own.strip()!r} is not a score") from None
        parts = tuple(_form(part) for part in text.split("+"))
        if not all(part.strip() for part in parts) or not 0 < value <= 1:
            raise LexiconError(f"line {number}: {line.strip()!r} needs a term and a score in (0, 1]")
        entries.append(Entry(rule, parts, value, exception))
    return entries


def _form(part: str) -> str:
    normal = term(part)
    return dense(normal).text.replace("\n", "") if has_han(normal) else words(normal).text


class Lexicon:
    """All entries of a policy in two automata: terms with Chinese characters, and words."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_part: dict[str, list[Entry]] = defaultdict(list)
        for entry in entries:
            for part in entry.parts:
                self._by_part[part].append(entry)
        self._han = _Automaton([part for part in self._by_part if has_han(part)])
        self._alphabetic = _Automaton([part for part in self._by_part if not has_han(part)])

    def find(self, text: str) -> list[Match]:
        """Entries that hold in the text, exceptions applied, in order of their place."""
        places = self._places(text)
        covers: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for part, found in places.items():
            for entry in self._by_part[part]:
                if entry.exception:
                    covers[entry.rule] += found
        matches = []
        for part in places:
            for entry in self._by_part[part]:
                if entry.exception or part != entry.parts[0]:
                    continue
                spans = [_uncovered(places.get(other, ()), covers[entry.rule]) for other in entry.parts]
                if all(spans):
                    matches += [Match(entry, start, end) for start, end in spans[0]]
        return sorted(matches, key=lambda match: (match.start, -match.end))

    def _places(self, text: str) -> dict[str, list[tuple[int, int]]]:
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        if self._han:
            view = dense(text)
            for part, start, end in self._han.find(view.text):
                if view.joined(start, end):
                    places[part].append((view.source[start], view.source[end - 1] + 1))
        if self._alphabetic:
            spaced = words(text)
            for part, start, end in self._alphabetic.find(spaced.text):
                places[part].append((spaced.source[start + 1], spaced.source[end - 2] + 1))
        return places


class _Automaton:
    def __init__(self, terms: list[str]) -> None:
        self._terms = terms
        self._automaton = AhoCorasick(terms, matchkind=MatchKind.Standard) if terms else None

    def __bool__(self) -> bool:
        return self._automaton is not None

    def find(self, text: str) -> Iterable[tuple[str, int, int]]:
        if self._automaton is None:
            return
        for index, start, end in self._automaton.find_matches_as_indexes(text, overlapping=True):
            yield self._terms[index], start, end


def _uncovered(spans: Iterable[tuple[int, int]], covers: Iterable[tuple[int, int]]) -> list[tuple[int, int]]:
    covers = list(covers)
    return [
        (start, end)
        for start, end in spans
        if not any(low <= start and end <= high and (low, high) != (start, end) for low, high in covers)
    ]
