"""Joined English hashtags taken apart: `weirdfood` -> weird food, `iLoveParis2026` -> i love paris 2026.

Camel case and digits come first; what is left is split by the most probable
sequence of words (Viterbi over words and pairs of words; Norvig, "Natural
Language Corpus Data", in Beautiful Data, 2009). Two things differ: every word
costs something, since hashtags are short, and a word that no dictionary has
counts less, since on the web it is often itself two words joined.
"""

from __future__ import annotations

import re
from functools import lru_cache

from models.store import Store
from models.word_counts import WordCounts, read_word_counts

#: longest word that is looked for
LONGEST = 24
#: longer runs of letters are not hashtags; they stay whole
LONGEST_RUN = 100
#: logarithms of probability: for every word; for a word that is not in the dictionary;
#: for a letter alone that is no word; for an unknown word, and for each letter of it
_WORD, _UNLISTED, _LETTER = -2.0, -2.0, -8.0
_UNKNOWN, _UNKNOWN_LETTER = -16.0, -1.7
#: ways kept at each place, by last word
_BEAM = 5
_RUNS = re.compile(r"[A-Za-z]+|\d+|[^A-Za-z\d\s]+")
_CAMEL = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+")
_MIXED = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]{2}")
_CODE = re.compile(r"(?=.*\d)(?=.*[A-Za-z])[A-Za-z\d]{1,5}")
_INITIALS = 4


class Segmenter:
    """Splits hashtags with one set of word counts; safe to share between threads."""

    def __init__(self, counts: WordCounts) -> None:
        self._words = counts.words
        self._pairs = counts.pairs
        self._dictionary = counts.dictionary
        self._split = lru_cache(maxsize=50_000)(self._viterbi)

    def segment(self, hashtag: str) -> list[str]:
        """The words of a hashtag in order, in lower case except for initials (`NASA`); `#` is no word.

        Chinese and other scripts stay as they are, a run to a word. Nothing is left out but white space.
        """
        parts: list[str] = []
        for piece in hashtag.lstrip("#＃").split():
            if _CODE.fullmatch(piece):  # Win7, 70s, a330
                parts.append(piece)
                continue
            for run in _RUNS.findall(piece):
                parts += self._run(run) if run.isascii() and run.isalpha() else [run]
        return parts

    def _run(self, run: str) -> list[str]:
        if not _MIXED.search(run):
            return list(self._split(run.lower()))
        words: list[str] = []
        for piece in _CAMEL.findall(run):
            initials = piece.isupper() and 1 < len(piece) <= _INITIALS
            words += [piece] if initials else self._split(piece.lower())
        return words

    def _viterbi(self, run: str) -> tuple[str, ...]:
        if len(run) > LONGEST_RUN:
            return (run,)
        # At each place, by last word: logarithm of the best way there, where the word begins, the one before.
        ways: list[dict[str, tuple[float, int, str]]] = [{"": (0.0, 0, "")}]
        for end in range(1, len(run) + 1):
            here: dict[str, tuple[float, int, str]] = {}
            for start in range(max(0, end - LONGEST), end):
                word = run[start:end]
                alone = self._logarithm(word)
                here[word] = max(
                    (total + self._after(before, word, alone), start, before)
                    for before, (total, _, _) in ways[start].items()
                )
            best = sorted(here.items(), key=lambda way: way[1], reverse=True)
            ways.append(dict(best[:_BEAM]))
        words: list[str] = []
        end, word = len(run), max(ways[-1], key=lambda last: ways[-1][last])
        while end:
            words.append(word)
            _, end, word = ways[end][word]
        return tuple(reversed(words))

    def _after(self, before: str, word: str, alone: float) -> float:
        pair = self._pairs.get(f"{before} {word}") if before else None
        return alone if pair is None else max(alone, pair + _WORD)

    def _logarithm(self, word: str) -> float:
        found = self._words.get(word)
        if found is None:
            return _UNKNOWN + _UNKNOWN_LETTER * len(word) + _WORD
        if word not in self._dictionary:
            found += _UNLISTED
        if len(word) == 1 and word not in "ai":
            found += _LETTER
        return found + _WORD


def load_segmenter(store: Store) -> Segmenter | None:
    """A segmenter with the shipped word counts (under a second); None where they are not in the store."""
    return Segmenter(read_word_counts(store.folder("words-en"))) if store.has("words-en") else None
