"""The page's texts in Chinese and English, and how numbers, times and names are written."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import cache
from importlib import resources

import yaml

from mmu.moderation.policy import load_policy

Say = Callable[..., str]


@cache
def _strings() -> dict[str, tuple[str, str]]:
    text = (resources.files("mmu.review") / "data" / "strings.yaml").read_text("utf-8")
    return {str(key): (str(pair[0]), str(pair[1])) for key, pair in yaml.safe_load(text).items()}


def speak(language: str) -> Say:
    """`say(key, **values)` in one language; an unknown key is an error, which a test would find."""
    place = 0 if language == "zh" else 1

    def say(key: str, **values: object) -> str:
        text = _strings()[key][place]
        for name, value in values.items():
            text = text.replace("{" + name + "}", str(value))
        return text

    return say


def preferred(accepted: str) -> str:
    """The language, `zh` or `en`, for an Accept-Language header: the one it ranks first.

    English for readers of neither; Chinese where there is no header.
    """
    ranks: dict[str, float] = {}
    for part in accepted.lower().split(","):
        tag, _, weight = part.partition(";")
        language = tag.strip().partition("-")[0]
        try:
            rank = float(weight.strip().removeprefix("q=") or 1.0)
        except ValueError:
            rank = 0.0
        if language in ("zh", "en"):
            ranks[language] = max(rank, ranks.get(language, 0.0))
    if not any(ranks.values()):
        return "en" if accepted.strip() else "zh"
    return max(ranks, key=ranks.__getitem__)


def category(name: str, language: str) -> str:
    """A category of the shipped policy by its name; another one as it is."""
    known = _categories().get(name)
    if known is not None:
        return known[0 if language == "zh" else 1]
    return speak(language)(name) if name == "violation" else name


@cache
def _categories() -> dict[str, tuple[str, str]]:
    return {key: (found.name.zh, found.name.en) for key, found in load_policy().categories.items()}


def categories(language: str) -> list[tuple[str, str]]:
    """(id, name) of all categories of the shipped policy."""
    return [(key, category(key, language)) for key in _categories()]


def ago(seconds: float, language: str) -> str:
    """A length of time in its two largest units at most: 3 天 4 小时, 12 min."""
    units = [(86400, "天", "d"), (3600, "小时", "h"), (60, "分", "min"), (1, "秒", "s")]
    left = max(0, round(seconds))
    for k, (size, zh, en) in enumerate(units):
        if left >= size or size == 1:
            words = f"{left // size} {zh if language == 'zh' else en}"
            rest = left % size
            if k == 0 and rest >= 3600:
                words += f" {rest // 3600} {'小时' if language == 'zh' else 'h'}"
            return words
    return ""


def stamp(seconds: float) -> str:
    """A moment as `2026-01-31 12:00:05 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(seconds))
