"""Contact details and pointers to a talk outside the platform, written or spoken."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple

from mmu.moderation.normalise import plain

ContactKind = Literal["phone", "wechat", "qq", "telegram", "whatsapp", "email", "link", "qr"]
KINDS: tuple[ContactKind, ...] = ("phone", "wechat", "qq", "telegram", "whatsapp", "email", "link", "qr")


class Contact(NamedTuple):
    """One contact detail, its place in the original text, and how sure it is."""

    kind: ContactKind
    value: str
    start: int
    end: int
    score: float


_SPOKEN = str.maketrans("零〇一幺二两三四五六七八九", "0011223456789")
_SEP = r"[\s\-_.·,，、*~()（）]*"
_IS = r"[\s:：号是为+=👉（(【\[]*"
_HANDLE = r"(?P<id>[a-z][a-z0-9_\-]{4,19}|1[3-9]\d{9}|\d{6,11})(?![a-z0-9_])"
_DIGIT = "[0-9零〇一幺二两三四五六七八九]"
#: eleven digits in one run, in the usual groups, or one by one
_MOBILE = re.compile(
    rf"(?<![0-9a-z.]){_DIGIT}(?:{_DIGIT}{{10}}"
    rf"|{_DIGIT}{{2}}[\s\-]{_DIGIT}{{4}}[\s\-]{_DIGIT}{{4}}"
    rf"|(?:[\s,，、\-.*]{_DIGIT}){{10}})(?![0-9a-z])"
)
#: what people write for the messenger's name
_WECHAT = rf"(?:[微薇威徽]{_SEP}信|卫{_SEP}星号|(?<![a-z])(?:v{_SEP}x|w{_SEP}x|wechat|weixin|v信|微x))"

_PATTERNS: tuple[tuple[ContactKind, float, re.Pattern[str]], ...] = (
    ("wechat", 0.95, re.compile(rf"{_WECHAT}(?:号码|账号|id)?{_IS}{_HANDLE}")),
    (
        "wechat",
        0.85,
        re.compile(
            rf"(?:加|\+|添加){_SEP}(?:我的?|一下|个|老师的?|客服的?|主播的?)?{_SEP}{_WECHAT}(?![a-z])"
        ),
    ),
    ("wechat", 0.7, re.compile(rf"(?:加{_SEP}v(?![a-z0-9])|(?<![a-z0-9])v{_SEP}我(?![的们]))")),
    (
        "qq",
        0.95,
        re.compile(rf"(?:(?<![a-z])q{_SEP}q|扣扣|企鹅)(?:号码|号|群)?{_IS}(?P<id>[1-9]\d{{4,11}})(?!\d)"),
    ),
    ("qq", 0.75, re.compile(r"(?:加|进|入)(?:我的?|个)?(?:qq|扣扣|企鹅)(?:群|号)")),
    ("telegram", 0.95, re.compile(r"(?<![a-z])(?:t\.me/|telegram\.me/)[a-z0-9_+]{4,}")),
    ("telegram", 0.8, re.compile(rf"(?:telegram|纸飞机号?|飞机号|电报群?){_IS}@[a-z][a-z0-9_]{{4,}}")),
    (
        "whatsapp",
        0.95,
        re.compile(r"(?<![a-z])(?:wa\.me/\d{6,}|whats\s?app\s*[:：]?\s*\+?\d[\d\s\-]{7,16}\d)"),
    ),
    (
        "email",
        0.6,
        re.compile(
            r"(?<![a-z0-9_.])[a-z0-9][a-z0-9_.+\-]{1,40}@[a-z0-9\-]{2,30}(?:\.[a-z]{2,8}){1,2}(?![a-z])"
        ),
    ),
    ("link", 0.4, re.compile(r"https?://[^\s，。）)】]{6,}")),
    (
        "qr",
        0.8,
        re.compile(
            r"(?:扫|识别|长按)(?:一扫|描)?(?:下方|屏幕|上方|图中|我的|这个|此)?(?:上?的)?"
            r"(?:二维码|码(?:加|进|添加|入群|咨询))"
        ),
    ),
    (
        "qr",
        0.6,
        re.compile(r"scan (?:the|this|my) (?:qr )?code (?:to|and) (?:add|join|contact|chat|buy|order)"),
    ),
)


def find_contacts(text: str) -> list[Contact]:
    """Contact details of a text, the surest first at each place; none overlap."""
    normal, source = plain(text)
    found = sorted([*_matches(normal), *_phones(normal)], key=lambda contact: -contact.score)
    kept: list[Contact] = []
    for contact in found:
        if all(contact.end <= other.start or other.end <= contact.start for other in kept):
            kept.append(contact)
    kept.sort(key=lambda contact: contact.start)
    return [
        contact._replace(start=source[contact.start], end=source[contact.end - 1] + 1) for contact in kept
    ]


def _matches(normal: str) -> Iterator[Contact]:
    for kind, score, pattern in _PATTERNS:
        for match in pattern.finditer(normal):
            value = match.groupdict().get("id") or match.group()
            yield Contact(kind, value, match.start(), match.end(), score)


def _phones(normal: str) -> Iterator[Contact]:
    """Chinese mobile numbers, in figures or as they are spoken (幺三八…)."""
    for match in _MOBILE.finditer(normal):
        digits = re.sub(r"\D", "", match.group().translate(_SPOKEN))
        if re.fullmatch(r"1[3-9]\d{9}", digits) and len(set(digits)) > 3:
            yield Contact("phone", digits, match.start(), match.end(), 0.85)
