"""The shipped policy on labelled rows of title, on-screen text and speech text, and on benign files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

from benchmarks.reports import Reports
from benchmarks.truth import Corpus, Metric
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


def benign(_corpus: Corpus, reports: Reports, _limit: int | None) -> Iterable[Metric]:
    """Share of the analysed files that the policy sends to review or blocks: all of them are harmless."""
    found = [report.moderation.decision for report in reports.so_far() if report.moderation]
    for decision in ("review", "block"):
        share = found.count(decision) / len(found) if found else None
        yield Metric("benign", f"benign.{decision}_share", share, len(found), "of the files analysed")
