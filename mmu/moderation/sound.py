"""Texts by their sound: pinyin without tones, so that homophones and spelled-out pinyin read alike."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from mmu.moderation.normalise import BREAK, Dense

_LETTERS = re.compile(r"[a-z]+")
#: letters that two characters of a hidden word are at least written with
_SHORTEST = 2


@dataclass(frozen=True, slots=True)
class Sounds:
    """Syllables between single spaces, also at both ends; `starts` and `ends` are places in the original."""

    text: str
    #: place in `text` where each syllable begins -> its number
    numbers: dict[int, int]
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def place(self, start: int, end: int) -> tuple[int, int]:
        """The original place of a match `" a b "` in `text`."""
        return self.starts[self.numbers[start + 1]], self.ends[self._last(end)]

    def _last(self, end: int) -> int:
        begin = self.text.rindex(" ", 0, end - 1) + 1
        return self.numbers[begin]


@cache
def _readings() -> dict[str, str]:
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    plain = {reading: "" for readings in PINYIN_DICT.values() for reading in readings.split(",")}
    for reading in plain:
        plain[reading] = to_normal(reading).replace("ü", "v").replace("ê", "e")
    return {chr(code): plain[readings.split(",")[0]] for code, readings in PINYIN_DICT.items()}


@cache
def _syllables() -> frozenset[str]:
    return frozenset(reading for reading in _readings().values() if reading.isascii() and reading.isalpha())


def sound_of(term: str) -> str | None:
    """`" jia wei xin "` for a term of Chinese characters in normal form; None for any other."""
    readings = [_readings().get(character) for character in term]
    if len(readings) < _SHORTEST or not all(readings):
        return None
    return f" {' '.join(reading for reading in readings if reading)} "


def sounds(view: Dense) -> Sounds:
    """The syllables of a text: of each character, and of letters that are pinyin throughout."""
    readings = _readings()
    parts: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    at = 0
    while at < len(view.text):
        character = view.text[at]
        run = _LETTERS.match(view.text, at) if character.isascii() else None
        if run:
            found = _spelled(run.group()) or [run.group()]
            for syllable in found:
                parts.append(syllable)
                starts.append(view.source[at])
                at += len(syllable)
                ends.append(view.source[at - 1] + 1)
            continue
        if character == BREAK:
            parts.append("|")
        else:
            parts.append(readings.get(character, character))
        starts.append(view.source[at])
        ends.append(view.source[at] + 1)
        at += 1
    numbers: dict[int, int] = {}
    place = 1
    for number, part in enumerate(parts):
        numbers[place] = number
        place += len(part) + 1
    return Sounds(f" {' '.join(parts)} ", numbers, tuple(starts), tuple(ends))


def _spelled(letters: str) -> list[str] | None:
    """Letters as whole syllables of pinyin, the longest first; None if they are not."""
    if len(letters) > 60:
        return None
    known = _syllables()
    best: list[list[str] | None] = [[]] + [None] * len(letters)
    for end in range(1, len(letters) + 1):
        for start in range(max(0, end - 6), end):
            before = best[start]
            if before is not None and letters[start:end] in known and end - start > 1:
                current = best[end]
                if current is None or len(before) + 1 < len(current):
                    best[end] = [*before, letters[start:end]]
    return best[-1]
