"""LAC (Jiao et al., 2018): Chinese text cut into words, with parts of speech and named entities.

The network reads a mixture of common words and single characters; a CRF decides on the tags.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.onnx_session import open_session

#: name and version that findings carry as their source
SOURCE = "lac@2.1.2"
#: tokens read in one go; longer texts are cut, at a sentence's end where there is one
WINDOW = 256
_ENDS = "。！？!?；;\n"


@dataclass(frozen=True, slots=True)
class Word:
    """`text[start:end]`, and what it is: `PER`, `LOC`, `ORG`, `TIME`, `nw` (a work), `nz`, `n`, `v`, …"""

    text: str
    start: int
    end: int
    tag: str


class Lexer:
    """Cuts and tags Chinese text; safe to share between threads."""

    def __init__(self, folder: Path | str, *, threads: int = 1) -> None:
        """Load network and dictionaries (about half a second).

        Raises:
            ModelError: a file is missing or not what it should be.
        """
        folder = Path(folder)
        self._session = open_session(folder / "lac.onnx", threads=threads, arena=False, pattern=False)
        try:
            self._ids = {word: int(number) for number, word in _pairs(folder / "word.dic")}
            self._plain = dict(_pairs(folder / "q2b.dic"))
            # Where a tag has two names, the second is the newer one.
            self._tags = {int(number): tag for number, tag in _pairs(folder / "tag.dic")}
            words = [line.rpartition(" ")[0] for line in _lines(folder / "small_seg.dic")]
            self._unknown = self._ids["OOV"]
        except (OSError, ValueError, KeyError) as error:
            raise ModelError(f"{folder}: not the dictionaries of LAC: {error}") from error
        self._words = frozenset(words)
        self._beginnings = frozenset(word[:end] for word in words for end in range(1, len(word) + 1))

    def tag(self, text: str) -> list[Word]:
        """The words of a text in order, nothing left out but what is white space alone."""
        found: list[Word] = []
        for start, part in _windows(text):
            found += self._window(part, start)
        return [word for word in found if word.text.strip()]

    def _window(self, text: str, offset: int) -> list[Word]:
        tokens = self._tokens(text)
        ids = [self._ids.get(self._plain.get(token, token), self._unknown) for token in tokens]
        emissions, transitions = self._session.run(None, {"tokens": np.array(ids, np.int64)})
        spans: list[list[int]] = []
        tags: list[str] = []
        at = 0
        for token, number in zip(tokens, _best_path(emissions, transitions), strict=True):
            tag, _, place = self._tags[number].partition("-")
            if place == "I" and spans:
                spans[-1][1] = at + len(token)
            else:
                spans.append([at, at + len(token)])
                tags.append(tag)
            at += len(token)
        return [
            Word(text[start:end], offset + start, offset + end, tag)
            for (start, end), tag in zip(spans, tags, strict=True)
        ]

    def _tokens(self, text: str) -> list[str]:
        """Common words as one token, all else by the character: the cut into the fewest, longest words."""
        size = len(text)
        best: list[tuple[float, int]] = [(0.0, size)] * (size + 1)
        for start in range(size - 1, -1, -1):
            ways = [(best[start + 1][0] - 1e3, start + 1)]
            end = start + 1
            while end <= size and text[start:end] in self._beginnings:
                if text[start:end] in self._words:
                    ways.append((log(end - start) - 1e3 + best[end][0], end))
                end += 1
            best[start] = max(ways)
        pieces: list[str] = []
        latin = False
        at = 0
        while at < size:
            word = text[at : best[at][1]]
            # Letters and digits that no word takes stand together: PL150, iPhone.
            joined, latin = latin, len(word) == 1 and word.isascii() and word.isalnum()
            if joined and latin:
                pieces[-1] += word
            else:
                pieces.append(word)
            at = best[at][1]
        return [token for one in pieces for token in ([one] if one in self._ids else one)]


def _best_path(emissions: NDArray[np.float32], transitions: NDArray[np.float32]) -> list[int]:
    """Viterbi: (n, tags) scores and (tags + 2, tags) transitions to n tags."""
    if not len(emissions):
        return []
    score = transitions[0] + emissions[0]
    came: list[NDArray[np.intp]] = []
    for row in emissions[1:]:
        ways = score[:, None] + transitions[2:]
        came.append(ways.argmax(axis=0))
        score = ways.max(axis=0) + row
    path = [int((score + transitions[1]).argmax())]
    for back in reversed(came):
        path.append(int(back[path[-1]]))
    return path[::-1]


def _windows(text: str) -> list[tuple[int, str]]:
    """Pieces of at most `WINDOW` characters with their offsets."""
    found = []
    start = 0
    while start < len(text):
        end = min(len(text), start + WINDOW)
        if end < len(text):
            last = max(text.rfind(mark, start + WINDOW // 2, end) for mark in _ENDS)
            end = last + 1 if last >= 0 else end
        found.append((start, text[start:end]))
        start = end
    return found


def _pairs(path: Path) -> list[tuple[str, str]]:
    pairs = [line.partition("\t")[::2] for line in _lines(path)]
    if not pairs or not all(second for _, second in pairs):
        raise ValueError(f"{path.name} must hold pairs with a tab between them")
    return pairs


def _lines(path: Path) -> list[str]:
    return [line for line in path.read_text("utf-8").split("\n") if line.strip("\n\r") != ""]
