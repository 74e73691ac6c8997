"""Chinese text in one form: simplified characters, half width, plain digits.

Whisper writes a mixture of traditional and simplified characters; everything
after the transcript (linking, search, scoring) wants one script.
"""

from __future__ import annotations

import functools
import re
import unicodedata

from opencc import OpenCC

_HAN = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]")
_DIGITS = {
    "零": 0, "〇": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4,
    "五": 5, "六": 6, "七": 7, "八": 8, "九": 9,
}  # fmt: skip
_UNITS = {"十": 10, "百": 100, "千": 1000}
_BIG = {"万": 10_000, "亿": 100_000_000}
_NUMBER = re.compile(f"[{''.join((*_DIGITS, *_UNITS, *_BIG))}]+")
_HALF_MARKS = re.compile(r"(?<=[\u3400-\u9fff])\s*([,!?;:])\s*")
_FULL = {",": "，", "!": "！", "?": "？", ";": "；", ":": "："}
_HAN_SPACE = re.compile(r"(?<=[\u3400-\u9fff，。！？；：、])\s+(?=[\u3400-\u9fff，。！？；：、])")


@functools.cache
def _t2s() -> OpenCC:
    return OpenCC("t2s")


def has_han(text: str) -> bool:
    """True when the text holds a Chinese character."""
    return _HAN.search(text) is not None


def to_simplified(text: str) -> str:
    """Traditional to simplified characters (OpenCC `t2s`); other scripts stay as they are."""
    return str(_t2s().convert(text)) if has_han(text) else text


def half_width(text: str) -> str:
    """Full-width letters, digits and signs to their half-width forms (Unicode NFKC)."""
    return unicodedata.normalize("NFKC", text)


def number_value(text: str) -> int | None:
    """The value of a number in Chinese numerals with units (`一千八百一十三` -> 1813), or None."""
    total = section = digit = 0
    seen = False
    for char in text:
        if char in _DIGITS:
            digit, seen = _DIGITS[char], True
        elif char in _UNITS:
            section += (digit if digit or seen else 1) * _UNITS[char]
            digit, seen = 0, True
        elif char in _BIG:
            total = (total + section + digit) * _BIG[char]
            section = digit = 0
        else:
            return None
    return total + section + digit


def plain_digits(text: str) -> str:
    """Chinese numerals to Arabic digits: `二零一九` -> 2019, `三百二十` -> 320.

    For comparison only: idioms change too (`一下` -> `1下`), the same way on both sides.
    """

    def replace(match: re.Match[str]) -> str:
        run = match.group()
        if run[0] in _BIG:
            return run
        if any(char in _UNITS or char in _BIG for char in run):
            value = number_value(run)
            return run if value is None else str(value)
        return "".join(str(_DIGITS[char]) for char in run)

    return _NUMBER.sub(replace, text)


def tidy(text: str) -> str:
    """A transcript line for reading: simplified, Chinese punctuation after Chinese, no spaces between."""
    text = to_simplified(text).strip()
    text = _HALF_MARKS.sub(lambda match: _FULL[match.group(1)], text)
    return _HAN_SPACE.sub("", text)


def comparable(text: str) -> str:
    """One string for comparison: simplified, half width, lower case, plain digits, no spaces or marks."""
    text = plain_digits(to_simplified(half_width(text)).lower())
    return "".join(char for char in text if unicodedata.category(char)[0] in "LNM")
