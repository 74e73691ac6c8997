"""Names in English text by their form: capital letters, given names, titles, and words like University."""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import cache
from importlib import resources
from typing import Literal, NamedTuple

import yaml

Kind = Literal["person", "place", "organisation"]
_TOKEN = re.compile(r"[A-Za-zÀ-ÿ][A-Za-zÀ-ÿ'’-]*\.?")


@cache
def _lists() -> dict[str, frozenset[str]]:
    """Words by what they tell, from `data/english_names.yaml`."""
    text = (resources.files("mmu.reasoning") / "data" / "english_names.yaml").read_text("utf-8")
    # `No`, `On` and `Off` must stay words.
    lists: dict[str, str] = yaml.load(text, Loader=yaml.BaseLoader)
    return {name: frozenset(words.split()) for name, words in lists.items()}


class EnglishName(NamedTuple):
    """`text[start:end]` is a name; `belief` that it is one of this kind."""

    kind: Kind
    start: int
    end: int
    belief: float


class _Word(NamedTuple):
    text: str
    start: int
    end: int
    capital: bool
    #: nothing but one space before it
    joined: bool


def english_names(text: str, given_names: Collection[str]) -> list[EnglishName]:
    """People by given name or title, organisations and places by their last or first word.

    Nothing is found in text without small letters, where capitals say nothing.
    """
    if not any(character.islower() and character.isascii() for character in text):
        return []
    words = _words(text)
    found: list[EnglishName] = []
    at = 0
    while at < len(words):
        name = _person(words, at, given_names) or _institution(words, at)
        if name is None:
            at += 1
            continue
        found.append(name)
        while at < len(words) and words[at].start < name.end:
            at += 1
    return found


def _words(text: str) -> list[_Word]:
    found: list[_Word] = []
    for match in _TOKEN.finditer(text):
        word, end = match.group(), match.end()
        initial = len(word) == 2 and word[0].isupper()
        if word.endswith(".") and not initial and word[:-1] not in _lists()["titles"]:
            word, end = word[:-1], end - 1
        for ending in ("'s", "’s"):
            if word.endswith(ending):
                word, end = word[:-2], end - 2
        joined = bool(found) and text[found[-1].end : match.start()] == " "
        found.append(_Word(word, match.start(), end, word[:1].isupper(), joined))
    return found


def _person(words: list[_Word], at: int, given_names: Collection[str]) -> EnglishName | None:
    first = words[at]
    title = first.text.rstrip(".") in _lists()["titles"]
    if title:
        end = _surname(words, at + 1, given_names)
        return None if end is None else EnglishName("person", words[at + 1].start, end, 0.75)
    if first.text not in given_names:
        return None
    end = _surname(words, at + 1, given_names)
    return None if end is None else EnglishName("person", first.start, end, 0.8)


def _surname(words: list[_Word], at: int, given_names: Collection[str]) -> int | None:
    """Where the surname that begins at `at` ends: after an initial, particles, a second given name."""
    steps = 0
    while at < len(words) and words[at].joined and steps < 3:
        word = words[at]
        following = words[at + 1] if at + 1 < len(words) else None
        goes_on = following is not None and following.joined
        if goes_on and (word.text in _lists()["particles"] or (word.capital and word.text.endswith("."))):
            at, steps = at + 1, steps + 1
            continue
        if not word.capital or word.text in _lists()["common"]:
            return None
        if (
            goes_on
            and following is not None
            and word.text in given_names
            and following.capital
            and following.text not in _lists()["common"]
        ):
            return following.end
        return word.end
    return None


def _institution(words: list[_Word], at: int) -> EnglishName | None:
    """`Stanford University`, `Central Park`, `University of Oxford`."""
    if not words[at].capital or words[at].text in _lists()["common"]:
        return None
    last = at
    while last + 1 < len(words) and words[last + 1].joined and _goes_on(words, last + 1):
        last += 1
    while last > at and not words[last].capital:
        last -= 1
    run = words[at : last + 1]
    for kind, telling in (("organisation", _lists()["organisations"]), ("place", _lists()["places"])):
        ends = [number for number, word in enumerate(run) if word.text in telling]
        if not ends:
            continue
        if ends[-1] > 0 and not any(word.text == "of" for word in run[: ends[-1]]):
            return _named(kind, run[0].start, run[ends[-1]].end)
        if ends[0] == 0 and len(run) > 2 and run[1].text == "of":
            return _named(kind, run[0].start, run[-1].end)
    return None


def _goes_on(words: list[_Word], at: int) -> bool:
    word = words[at]
    return (word.capital and word.text not in _lists()["common"]) or (
        word.text == "of" and at + 1 < len(words)
    )


def _named(kind: str, start: int, end: int) -> EnglishName:
    return EnglishName("organisation" if kind == "organisation" else "place", start, end, 0.65)
