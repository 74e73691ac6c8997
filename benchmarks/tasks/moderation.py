"""The shipped policy on labelled rows of title, on-screen text and speech text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

from mmu.moderation.decide import TextUnit, decide
from mmu.moderation.policy import Policy, TextAxis, load_policy

#: how the rows write that there is no such text
_ABSENT = frozenset({"", "null", "none", "nan"})
_FIELDS: tuple[tuple[str, TextAxis], ...] = (("OCR", "text"), ("ASR", "speech"))


@cache
def _policy() -> Policy:
    return load_policy()


def decide_row(row: Mapping[str, Any], safe_label: str) -> str:
    """The label that the policy gives a row: `safe_label` for `pass`, else the category's own label.

    `title`, `OCR` and `ASR` are texts; in the latter two `|` parts frames and segments.
    """
    policy = _policy()
    title = _text(row.get("title"))
    result = decide(policy, title=title, texts=_units(row))
    if result.category is None:
        return safe_label
    category = policy.categories[result.category]
    return category.labels[0] if category.labels else category.id


def _units(row: Mapping[str, Any]) -> Iterator[TextUnit]:
    for field, axis in _FIELDS:
        for part in _text(row.get(field)).split("|"):
            if part.strip():
                yield TextUnit(part, axis)


def _text(value: Any) -> str:
    text = str(value or "").strip()
    return "" if text.lower() in _ABSENT else text
