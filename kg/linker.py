"""Finds concepts in free text: an alias automaton over normalised Chinese and English.

Text and aliases are compared after NFKC (full and half width), case folding
and conversion to simplified characters. English aliases need word boundaries
and match their regular plural too; a single Chinese character counts only
where it stands alone, since inside a word it is rarely the thing itself.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from kg.quotes import Quotation, quotations

if TYPE_CHECKING:
    from ahocorasick_rs import AhoCorasick


class Mention(NamedTuple):
    """`text[start:end]` names the concept; `weight` is P(this concept is meant | these words).

    Words in quotation marks count for less (`QUOTED`).
    """

    concept: str
    start: int
    end: int
    alias: str
    weight: float


# Rhetorical forms that contain a negation word and affirm: "is it or not", "not only", "none but".
_AFFIRMING = re.compile(
    r"是不是|有没有|要不要|能不能|不仅|不只|不但|不光|不愧|不得不|无不|没有不|不是吗|别提多"
    r"|not (?:only|just|merely)"
)
_NEGATION_ZH = re.compile(
    r"(?:不是|没有|没|并非|绝非|不含|不吃|不喝|不玩|无|非|不|未)(?:什么|一个|一只|任何|在|有|去)?$"
)
_DISCOUNT_ZH = re.compile(r"(?:别|不要|不想|拒绝|禁止|勿|戒|讨厌|停止)(?:再|玩|看|去)?$")
_NEGATION_EN = re.compile(
    r"(?:\b(?:not|no|without|never|neither|nor|non)|n't)[ -]"
    r"(?:(?:in|at|on|from|about) )?(?:(?:a|an|the|any|really|even) )?$"
)
_DISCOUNT_EN = re.compile(r"\b(?:do not|don't|stop|avoid|ban|hate|quit)(?: the| your| \w+ing)? $")
#: characters before a mention that may negate it
CONTEXT = 16
#: how far a mention in a quotation counts: a film's title may name anything, and a quotation is not one's own
QUOTED = {"work": 0.4, "words": 0.7}
_OWN_NAME = 4
_DISCOUNT = 0.3


@lru_cache(maxsize=1)
def _converter() -> Any:
    from opencc import OpenCC

    return OpenCC("t2s")


def _simplified(text: str) -> str:
    if text.isascii():
        return text
    converted: str = _converter().convert(text)
    # Offsets must survive; a phrase rule that changes the length is undone by converting each character.
    if len(converted) == len(text):
        return converted
    single = [_converter().convert(character) for character in text]
    return "".join(new if len(new) == 1 else old for new, old in zip(single, text, strict=True))


class _Folds(dict[int, str]):
    """Code point -> its compatibility form with case folded; filled as characters are met."""

    def __missing__(self, code: int) -> str:
        self[code] = unicodedata.normalize("NFKC", chr(code)).casefold()
        return self[code]


_FOLDS = _Folds()


def folded_with_offsets(text: str) -> tuple[str, Sequence[int]]:
    """Normalised text and, for each of its characters, the index in the original."""
    if text.isascii():
        return text.lower(), range(len(text))
    folded = text.translate(_FOLDS)
    origin: Sequence[int] = range(len(text))
    if len(folded) != len(text):  # no character folds to nothing
        origin = [index for index, one in enumerate(text) for _ in _FOLDS[ord(one)]]
    return _simplified(folded), origin


def normalise(text: str) -> str:
    """The form in which names are compared: NFKC, case folded, simplified characters, single spaces."""
    return " ".join(folded_with_offsets(text)[0].split())


def folded(text: str) -> str:
    """`normalise` for longer texts: several times as fast, since no offsets are kept; spaces stay."""
    if text.isascii():
        return text.lower()
    return _simplified(unicodedata.normalize("NFKC", text).casefold())


def is_cjk(character: str) -> bool:
    """Whether this is a Chinese character (the basic block and extension A)."""
    return "\u3400" <= character <= "\u9fff"


def plural(word: str) -> str:
    """Regular English plural of a name's last word."""
    if word.endswith(("s", "x", "z", "ch", "sh")):
        return word + "es"
    if word.endswith("y") and len(word) > 1 and word[-2] not in "aeiou":
        return word[:-1] + "ies"
    return word + "s"


def _is_word(character: str) -> bool:
    return character.isalnum() and not is_cjk(character)


class Linker:
    """Matches aliases in text. `aliases` yields (text, concept id, weight); weight 0 never links.

    `guards` are phrases that contain an alias and mean something else; they
    consume their text and yield nothing.
    """

    def __init__(self, aliases: Iterable[tuple[str, str, float]], *, guards: Iterable[str] = ()) -> None:
        owners: dict[str, dict[str, float]] = defaultdict(dict)
        plurals: dict[str, str] = {}
        for text, concept, weight in aliases:
            key = normalise(text)
            if weight <= 0 or not key:
                continue
            owners[key][concept] = max(weight, owners[key].get(concept, 0.0))
            if key.isascii() and key[-1].isalpha() and len(key) > 2:
                plurals.setdefault(plural(key), key)
        for form, key in plurals.items():
            if form not in owners:
                owners[form] = owners[key]
        self._owners = {
            key: sorted(concepts.items(), key=lambda item: (-item[1], item[0]))
            for key, concepts in owners.items()
        }
        for guard in guards:
            self._owners.setdefault(normalise(guard), [])
        self._patterns = list(self._owners)
        self._automaton: AhoCorasick | None = None

    def link(self, text: str) -> list[Mention]:
        """Mentions in order of position: leftmost, then longest, no two overlapping.

        An alias that several concepts share yields a mention of each, with its own weight.
        """
        if self._automaton is None:
            from ahocorasick_rs import AhoCorasick

            self._automaton = AhoCorasick(self._patterns)
        folded, origin = folded_with_offsets(text)
        # All matches are needed: a longer one that fails its boundary test must not hide a shorter one.
        matches = sorted(
            self._automaton.find_matches_as_indexes(folded, overlapping=True),
            key=lambda match: (match[1], -match[2]),
        )
        mentions: list[Mention] = []
        quoted = quotations(text)
        reached = 0
        for pattern, start, end in matches:
            if start < reached or not _stands(folded, start, end):
                continue
            reached = end
            alias = self._patterns[pattern]
            factor = affirmed(folded[max(0, start - CONTEXT) : start])
            if factor == 0.0:
                continue
            first, last = origin[start], origin[end - 1] + 1
            factor *= min((_quoted(one, first, last) for one in quoted), default=1.0)
            mentions.extend(
                Mention(concept, first, last, alias, weight * factor)
                for concept, weight in self._owners[alias]
            )
        return mentions


def _stands(text: str, start: int, end: int) -> bool:
    """Whether a match is a word of its own rather than a piece of a longer one."""
    before = text[start - 1] if start else " "
    after = text[end] if end < len(text) else " "
    if end - start == 1 and is_cjk(text[start]):
        return not is_cjk(before) and not is_cjk(after)
    if _is_word(text[start]) and _is_word(before):
        return False
    return not (_is_word(text[end - 1]) and _is_word(after))


def _quoted(one: Quotation, start: int, end: int) -> float:
    """How far a mention counts beside a quotation; one that fills it counts in full."""
    if not one.start <= start < one.end:
        return 1.0
    return 1.0 if (start, end) == (one.start, one.end) and end - start >= _OWN_NAME else QUOTED[one.kind]


def affirmed(before: str) -> float:
    """1 for a plain mention, 0 for a negated one, between for a discouraged one.

    `before` is the text in front of the mention, normalised.
    """
    clause = re.split(r"[。！？!?，,；;、:：\n#]", before)[-1]
    if _AFFIRMING.search(clause):
        return 1.0
    if _DISCOUNT_ZH.search(clause) or _DISCOUNT_EN.search(clause):
        return _DISCOUNT
    if _NEGATION_ZH.search(clause) or _NEGATION_EN.search(clause):
        return 0.0
    return 1.0
