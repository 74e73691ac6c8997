"""What stands between quotation marks: somebody else's words, or the name of a work."""

from __future__ import annotations

from typing import Literal, NamedTuple

_PAIRS = {"《": "》", "〈": "〉", "“": "”", "「": "」", "『": "』", "‘": "’", "«": "»"}
_WORKS = "《〈"
#: longer stretches are not a quotation but a mark that was never closed
LONGEST = 60


class Quotation(NamedTuple):
    """`text[start:end]`, without the marks; `work` where they are those of a book's or film's title."""

    start: int
    end: int
    kind: Literal["work", "words"]


def quotations(text: str) -> list[Quotation]:
    """The quotations of a text in order; of nested ones the outer one."""
    found: list[Quotation] = []
    at = 0
    while at < len(text):
        opening = text[at]
        closing = _PAIRS.get(opening, '"' if opening == '"' else None)
        end = text.find(closing, at + 1, at + LONGEST + 2) if closing else -1
        if end > at + 1:
            found.append(Quotation(at + 1, end, "work" if opening in _WORKS else "words"))
            at = end
        at += 1
    return found
