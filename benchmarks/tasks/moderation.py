"""The shipped policy on labelled rows of title, on-screen text and speech text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from mmu.moderation.learned.rows import Row, words_of
from mmu.moderation.learned.rules import judge_rows
from mmu.moderation.likeness import Embed
from mmu.moderation.policy import Policy, load_policy
from models.store import Store
from models.text_embedding import MODELS, TextEmbedder


@cache
def policy() -> Policy:
    """The shipped policy."""
    return load_policy()


@cache
def encoder() -> Embed | None:
    """The text encoders; None where their weights are missing."""
    store = Store()
    return TextEmbedder(store).embed if all(store.has(name) for name in MODELS) else None


def decide_rows(rows: Sequence[Mapping[str, Any]], safe_label: str) -> list[str]:
    """The label that the policy gives each row: `safe_label` for `pass`, else the category's own label.

    `title`, `OCR` and `ASR` are texts; in the latter two `|` parts frames and segments.
    """
    labelled = [Row(words_of(dict(row)), "") for row in rows]
    return judge_rows(policy(), labelled, safe_label, encoder())
