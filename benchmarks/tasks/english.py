"""English transcripts in a comparable form: words without case and punctuation, numbers as digits."""

from __future__ import annotations

import re
import unicodedata

_ONE_WORDS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine",
    "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen",
    "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TEN_WORDS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_ONES = {word: value for value, word in enumerate(_ONE_WORDS)}
_TENS = {word: 10 * value for value, word in enumerate(_TEN_WORDS, start=2)}
_SCALES = {"hundred": 100, "thousand": 1000, "million": 1_000_000, "billion": 1_000_000_000}
_CONTRACTIONS = (
    ("won't", "will not"),
    ("can't", "can not"),
    ("cannot", "can not"),
    ("n't", " not"),
    ("'ll", " will"),
    ("'re", " are"),
    ("'ve", " have"),
    ("'m", " am"),
    ("gonna", "going to"),
    ("wanna", "want to"),
)
_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "st": "saint", "ok": "okay"}
_FILLERS = {"uh", "um", "hmm", "mhm", "mm", "er", "ah"}
#: British spelling -> American: whole families of words, not a list of cases
_SPELLING = (
    (
        re.compile(r"\b(col|fav|flav|hon|lab|neighb|rum|harb|behavi|vap|hum|od|arm|sav|vig|splend)our"),
        r"\1or",
    ),
    (re.compile(r"\b(cent|theat|met|lit|fib|calib)re(s?)\b"), r"\1er\2"),
    (re.compile(r"draught"), "draft"),
    (re.compile(r"\bgrey"), "gray"),
    (re.compile(r"\bplough"), "plow"),
    (re.compile(r"(\w{3,})ising\b"), r"\1izing"),
    (re.compile(r"(\w{3,}[^aeiou])is(e[ds]?)\b"), r"\1iz\2"),
    (re.compile(r"\bdefence|\boffence"), lambda match: match.group().replace("nce", "nse")),
)


def words(text: str) -> list[str]:
    """Words for the word error rate.

    Numbers become single digits, so that `eighteen thirteen`, `1813` and
    `one eight one three` are equal, and `oh` inside a number is 0.
    """
    text = unicodedata.normalize("NFKC", text).lower().replace("’", "'")
    text = re.sub(r"\$\s?([\d,.]+)", r"\1 dollars", text).replace("%", " percent ")
    text = re.sub(r"(?<=\d),(?=\d{3})", "", text)
    for short, full in _CONTRACTIONS:
        text = text.replace(short, full)
    text = re.sub(r"[^\w\s]|_", lambda match: "" if match.group() == "'" else " ", text)
    for pattern, american in _SPELLING:
        text = pattern.sub(american, text)
    tokens = [_TITLES.get(token, token) for token in text.split() if token not in _FILLERS]
    return _numbers(tokens)


def _numbers(tokens: list[str]) -> list[str]:
    out: list[str] = []
    index = 0
    while index < len(tokens):
        value, used = _number(tokens, index)
        if used:
            out.extend(value)
            index += used
        elif tokens[index] in ("oh", "o") and (
            (out and out[-1].isdigit()) or (index + 1 < len(tokens) and _number(tokens, index + 1)[1])
        ):
            out.append("0")
            index += 1
        else:
            out.append(tokens[index])
            index += 1
    return out


def _number(tokens: list[str], start: int) -> tuple[str, int]:
    """Digits of one number that starts at `start`, and how many tokens it takes (0: none)."""
    if tokens[start].isdigit():
        return tokens[start], 1
    index, total, group, last = start, 0, 0, 0
    while index < len(tokens):
        token = tokens[index]
        if token in _ONES and (last == 0 or (last in (10, 100, 1000) and (_ONES[token] < 10 or last > 10))):
            group, last = group + _ONES[token], 1
        elif token in _TENS and last in (0, 100, 1000):
            group, last = group + _TENS[token], 10
        elif token == "hundred" and last in (1, 10):
            group, last = group * 100, 100
        elif token in _SCALES and token != "hundred" and last:
            total, group, last = total + group * _SCALES[token], 0, 1000
        elif token == "and" and last in (100, 1000) and index + 1 < len(tokens):
            if tokens[index + 1] not in _ONES and tokens[index + 1] not in _TENS:
                break
        else:
            break
        index += 1
    return (str(total + group), index - start) if last else ("", 0)
