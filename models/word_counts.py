"""How often English words and pairs of words are used on the web.

Source: Segaran and Hammerbacher (eds.), Beautiful Data, 2009, chapter by
Peter Norvig; lists as the WordSegment package has them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from models.errors import ModelError

SOURCE = "words-en@1.3.1"
#: words that were counted in all
TOTAL = 1_024_908_267_229.0


@dataclass(frozen=True, slots=True)
class WordCounts:
    """Natural logarithms of probabilities, words in lower case."""

    #: of a word
    words: Mapping[str, float]
    #: of the second word where the first stands before it; key "first second"
    pairs: Mapping[str, float]
    #: words that a dictionary has; others may be names, or words that people join
    dictionary: frozenset[str]


def read_word_counts(folder: Path | str) -> WordCounts:
    """Read `unigrams.txt`, `bigrams.txt` and `words.txt` (under a second).

    Raises:
        ModelError: a file is missing or not such a list.
    """
    folder = Path(folder)
    try:
        words = _read(folder / "unigrams.txt")
        pairs = {
            pair: share - words[pair.partition(" ")[0]]
            for pair, share in _read(folder / "bigrams.txt").items()
            if pair.partition(" ")[0] in words
        }
        dictionary = frozenset((folder / "words.txt").read_text("utf-8").split())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder}: not lists of word counts: {error}") from error
    return WordCounts(words, pairs, dictionary)


def _read(path: Path) -> dict[str, float]:
    shares: dict[str, float] = {}
    for line in path.read_text("utf-8").splitlines():
        name, _, count = line.partition("\t")
        shares[name] = math.log(float(count) / TOTAL)
    return shares
