"""Many terms over a text at once, robust to spacing, case, width and script.

A word list has one term a line:

    term                 with the score of its rule
    term = 0.9           with its own score
    one + other          all of them in one text
    one .. other         one soon before the other, in one sentence
    a | b .. c | d       each of these with each of those; also with +, or alone
    ~ term               also by its sound: homophones (嘉威信) and pinyin (jia wei xin)
    ! innocent           covers the terms inside it: no hit there
    # comment
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import product
from typing import NamedTuple

from ahocorasick_rs import AhoCorasick, MatchKind

from mmu.moderation.normalise import SENTENCE_END, Dense, dense, has_han, term, words
from mmu.moderation.sound import sound_of, sounds

#: what a term that is found by its sound only counts of one that is found as it is written
SOUND_TRUST = 0.8
#: most characters between the two parts of `one .. other`, if the second is Chinese and if it is not
NEAR_HAN, NEAR_LETTERS = 12, 24


class LexiconError(ValueError):
    """A line of a word list that cannot be understood."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a word list; `parts` in normal form, all needed."""

    rule: str
    parts: tuple[str, ...]
    score: float
    exception: bool = False
    sound: bool = False
    #: the second part follows the first soon (`NEAR_HAN`, `NEAR_LETTERS`)
    near: bool = False


class Match(NamedTuple):
    """An entry found in a text, and where: places in the original text."""

    entry: Entry
    start: int
    end: int
    #: less than 1 when it was found by its sound only
    trust: float = 1.0


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
        exception, sound = text.startswith("!"), text.startswith("~")
        text, equals, own = text.lstrip("!~").partition("=")
        try:
            value = float(own) if equals else score
        except ValueError:
            raise LexiconError(f"line {number}: {own.strip()!r} is not a score") from None
        near = ".." in text
        choices = [part.split("|") for part in text.split(".." if near else "+")]
        if near and len(choices) != 2:
            raise LexiconError(f"line {number}: {line.strip()!r} needs one part on either side of `..`")
        for chosen in product(*choices):
            parts = tuple(_form(part) for part in chosen)
            if not all(part.strip() for part in parts) or not 0 < value <= 1:
                raise LexiconError(f"line {number}: {line.strip()!r} needs a term and a score in (0, 1]")
            if sound and any(has_han(part) and sound_of(part) is None for part in parts):
                raise LexiconError(f"line {number}: {line.strip()!r} has no sound of two syllables or more")
            entries.append(Entry(rule, parts, value, exception, sound, near))
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
        self._by_sound: dict[str, list[str]] = defaultdict(list)
        for entries_of in self._by_part.values():
            for entry in entries_of:
                for part in entry.parts if entry.sound else ():
                    sound = sound_of(part)
                    if sound and part not in self._by_sound[sound]:
                        self._by_sound[sound].append(part)
        self._sounds = _Automaton(list(self._by_sound))

    @property
    def size(self) -> int:
        """Number of different terms."""
        return len(self._by_part)

    def find(self, text: str) -> list[Match]:
        """Entries that hold in the text, exceptions applied, in order of their place."""
        places, by_sound = self._places(text)
        covers: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for part, found in places.items():
            for entry in self._by_part[part]:
                if entry.exception:
                    covers[entry.rule] += found
        matches = []
        for part in dict.fromkeys([*places, *by_sound]):
            for entry in self._by_part[part]:
                if entry.exception or part != entry.parts[0]:
                    continue
                heard = by_sound if entry.sound else {}
                spans = [
                    _uncovered(places.get(other, ()), covers[entry.rule])
                    + _uncovered(heard.get(other, ()), covers[entry.rule], whole=True)
                    for other in entry.parts
                ]
                if entry.near:
                    reach = NEAR_HAN if has_han(entry.parts[1]) else NEAR_LETTERS
                    spans[0] = _followed(spans[0], spans[1], text, reach)
                if all(spans):
                    written = all(places.get(other) for other in entry.parts)
                    trust = 1.0 if written else SOUND_TRUST
                    matches += [Match(entry, start, end, trust) for start, end in spans[0]]
        return sorted(matches, key=lambda match: (match.start, -match.end))

    def _places(self, text: str) -> tuple[dict[str, list[tuple[int, int]]], dict[str, list[tuple[int, int]]]]:
        """Where each term stands as it is written, and where it only sounds alike."""
        places: dict[str, list[tuple[int, int]]] = defaultdict(list)
        by_sound: dict[str, list[tuple[int, int]]] = {}
        if self._han:
            view = dense(text)
            by_sound = self._heard(view)
            for part, start, end in self._han.find(view.text):
                if view.joined(start, end):
                    places[part].append((view.source[start], view.source[end - 1] + 1))
        if self._alphabetic:
            spaced = words(text)
            for part, start, end in self._alphabetic.find(spaced.text):
                places[part].append((spaced.source[start + 1], spaced.source[end - 2] + 1))
        return places, {
            part: [span for span in spans if span not in places.get(part, ())]
            for part, spans in by_sound.items()
        }

    def _heard(self, view: Dense) -> dict[str, list[tuple[int, int]]]:
        found: dict[str, list[tuple[int, int]]] = defaultdict(list)
        if self._sounds:
            spoken = sounds(view)
            for sound, start, end in self._sounds.find(spoken.text):
                for part in self._by_sound[sound]:
                    found[part].append(spoken.place(start, end))
        return found


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


def _uncovered(
    spans: Iterable[tuple[int, int]], covers: Iterable[tuple[int, int]], *, whole: bool = False
) -> list[tuple[int, int]]:
    """Spans that no exception covers; `whole`: an exception of just that span covers it too."""
    covers = list(covers)
    return [
        (start, end)
        for start, end in spans
        if not any(
            low <= start and end <= high and (whole or (low, high) != (start, end)) for low, high in covers
        )
    ]


def _followed(
    spans: Iterable[tuple[int, int]], others: Iterable[tuple[int, int]], text: str, reach: int
) -> list[tuple[int, int]]:
    """From the start of each span to the end of the first of the others that follows it closely."""
    starts = sorted(others)
    found = []
    for start, end in spans:
        for low, high in starts:
            if end <= low <= end + reach and not SENTENCE_END.intersection(text[end:low]):
                found.append((start, high))
                break
    return found
