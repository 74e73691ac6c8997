"""Texts as the word lists see them: one script, one width, one case, nothing pushed between the letters.

Every view keeps, for each of its characters, where it stood in the original,
so that a hit can be shown in the words of the video.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache, lru_cache

import opencc

#: ends a sentence: no term goes across it
BREAK = "\n"
SENTENCE_END = frozenset("。！？!?；;\n\r…")
#: separators of ordinary prose; others between two letters look like hiding
_PROSE = frozenset(" \t\u3000,，、.:：;()（）[]【】《》“”\"'‘’")
#: letters of other alphabets that look like Latin ones, and apostrophes as they are printed
_LOOK_ALIKE = str.maketrans(
    "авекмнорстухѕіјԁɡαεικνορτυχѵ’‘ʼ",
    "abekmhopctyxsijdgaeikvoptuxv'''",
)
_SPELLED = re.compile(r"(?<![^ ])(?:[a-z] ){2,}[a-z](?![^ ])")


@dataclass(frozen=True, slots=True)
class Dense:
    """Letters and digits only, with `BREAK` between sentences.

    `gaps[i]` tells what was taken out before character i: "" nothing,
    "prose" a space or comma, "odd" something that prose does not put there.
    """

    text: str
    source: tuple[int, ...]
    gaps: tuple[str, ...]

    def joined(self, start: int, end: int) -> bool:
        """Whether the characters start..end form one word.

        Either nothing stood between them; or something stood between all of
        them and around them ("色 情 片"), unlike "白色 情侣"; or what stood
        between them has no place in prose ("加*微*信").
        """
        inner = self.gaps[start + 1 : end]
        if not any(inner):
            return True
        if all(gap != "prose" for gap in inner):
            return end - start >= 3 or all(inner)
        before = start == 0 or self.gaps[start] != "" or self.text[start - 1] == BREAK
        after = end == len(self.text) or self.gaps[end] != "" or self.text[end] == BREAK
        return all(inner) and before and after


@dataclass(frozen=True, slots=True)
class Words:
    """Words between single spaces, also at both ends; letters spelled out one by one are joined."""

    text: str
    source: tuple[int, ...]


@cache
def _simplifier() -> opencc.OpenCC:
    return opencc.OpenCC("t2s")


@lru_cache(maxsize=1 << 16)
def _folded(character: str) -> str:
    """Half width and lower case, without marks and what cannot be seen; may be none or several."""
    return "".join(
        one
        for one in unicodedata.normalize("NFKC", character).casefold()
        if unicodedata.category(one) not in {"Mn", "Cf", "Cc"} or one in "\n\t\r"
    )


def plain(text: str) -> tuple[str, list[int]]:
    """Half width, lower case, simplified, no marks, nothing invisible; and where each character stood."""
    characters: list[str] = []
    source: list[int] = []
    for index, original in enumerate(text):
        for character in _folded(original):
            characters.append(character)
            source.append(index)
    joined = "".join(characters).translate(_LOOK_ALIKE)
    simplified = _simplifier().convert(joined)
    if len(simplified) != len(joined):  # a phrase of another length: go by characters, which keeps places
        simplified = "".join((_simplifier().convert(character) or character)[0] for character in joined)
    return simplified, source


def term(text: str) -> str:
    """A term of a word list in the form in which `dense` or `words` shows it."""
    simplified, _ = plain(text)
    return simplified.strip()


def dense(text: str) -> Dense:
    """The view for terms with Chinese characters."""
    simplified, source = plain(text)
    characters: list[str] = []
    places: list[int] = []
    gaps: list[str] = []
    gap = ""
    for character, place in zip(simplified, source, strict=True):
        if character.isalnum():
            characters.append(character)
            places.append(place)
            gaps.append(gap)
            gap = ""
        elif character in SENTENCE_END:
            if characters and characters[-1] != BREAK:
                characters.append(BREAK)
                places.append(place)
                gaps.append("")
            gap = ""
        else:
            gap = "prose" if character in _PROSE and gap != "odd" else "odd"
    return Dense("".join(characters), tuple(places), tuple(gaps))


def words(text: str) -> Words:
    """The view for terms in an alphabetic script, matched as whole words."""
    simplified, source = plain(text)
    characters = [" "]
    places = [0]
    for character, place in zip(simplified, source, strict=True):
        last = characters[-1]
        if not character.isalnum() and character != "'":
            if last != " ":
                characters.append(" ")
                places.append(place)
            continue
        if last != " " and last.isascii() != character.isascii():
            characters.append(" ")  # a change of script ends a word: 加vx领
            places.append(place)
        characters.append(character)
        places.append(place)
    if characters[-1] != " ":
        characters.append(" ")
        places.append(max(0, len(text) - 1))
    return _join_spelled("".join(characters), places)


def _join_spelled(text: str, places: list[int]) -> Words:
    """`s e x` reads `sex`."""
    drop: set[int] = set()
    for match in _SPELLED.finditer(text):
        drop.update(i for i in range(match.start(), match.end()) if text[i] == " ")
    kept = [i for i in range(len(text)) if i not in drop]
    return Words("".join(text[i] for i in kept), tuple(places[i] for i in kept))


def has_han(text: str) -> bool:
    """Whether any character is Chinese."""
    return any("\u3400" <= character <= "\u9fff" for character in text)
