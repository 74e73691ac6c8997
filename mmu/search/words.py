"""Words of Chinese and English text for a full-text index.

Chinese is cut into pairs of neighbouring characters, which needs no
dictionary and finds any word of two or more; English words lose their
plural and the commonest endings. Words that say nothing are left out.
"""

from __future__ import annotations

import re
from functools import lru_cache

from kg.linker import folded, is_cjk

_PIECES = re.compile(r"[\u3400-\u9fff]+|[^\W_]+")
#: characters that carry grammar rather than meaning; a pair with one of them is no word
_GRAMMAR = frozenset(
    "的了着在是和与及也就都而被把给从到对上下里中有这那个一两只条位名些几吗呢吧啊呀之其并又很"
)
_STOP_WORDS = """
a an the of in on at to and or with for by from into onto over under is are was were be been being it its
this that these those there here he she they them his her their him who whom which what while as up down
out off near beside behind front some someone somebody something one two three has have having do does
did not i you we me my your our us so then than very just can will would
"""
_STOP = frozenset(_STOP_WORDS.split())


def words(text: str) -> list[str]:
    """The words of a text in order, repeated as they occur: pairs of characters, stemmed English.

    A single Chinese character between other text is a word of its own.
    """
    found: list[str] = []
    for piece in _PIECES.findall(folded(text)):
        if is_cjk(piece[0]):
            found += _pairs(piece)
        elif piece not in _STOP:
            found.append(stem(piece))
    return found


def chunks(text: str) -> list[str]:
    """The stretches of a text that carry meaning, cut at grammar and punctuation, for embedding."""
    found: list[str] = []
    for piece in _PIECES.findall(folded(text)):
        if is_cjk(piece[0]):
            run = ""
            for character in piece:
                if character in _GRAMMAR:
                    found.append(run)
                    run = ""
                else:
                    run += character
            found.append(run)
        elif piece not in _STOP:
            found.append(piece)
    return [one for one in found if one]


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """An English word without plural, `-ing` and `-ed`; others unchanged."""
    if not word.isascii() or len(word) < 4 or any(character.isdigit() for character in word):
        return word
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("sses", "shes", "ches", "xes")):
        return word[:-2]
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1]
    for ending in ("ing", "ed"):
        base = word[: -len(ending)]
        if word.endswith(ending) and len(base) >= 3 and any(vowel in base for vowel in "aeiouy"):
            return base[:-1] if base[-1] == base[-2] and base[-1] not in "lsz" else base
    return word[:-1] if word.endswith("e") and len(word) > 3 else word


def _pairs(run: str) -> list[str]:
    if len(run) == 1:
        return [] if run in _GRAMMAR else [run]
    pairs = [run[at : at + 2] for at in range(len(run) - 1)]
    return [pair for pair in pairs if not (pair[0] in _GRAMMAR or pair[1] in _GRAMMAR)]
