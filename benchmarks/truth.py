"""Read a corpus: `truth.jsonl` and the files that it names."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmu.errors import ConfigError

Entry = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Corpus:
    """Truth entries by task; paths in them are relative to `root`."""

    root: Path
    entries: dict[str, list[Entry]]

    def of(self, task: str, *, limit: int | None = None) -> list[Entry]:
        """The entries of a task, at most `limit`."""
        return self.entries.get(task, [])[:limit]

    def path(self, name: str) -> Path:
        return self.root / name


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the table; `value` None means that the task is not supported."""

    task: str
    metric: str
    value: float | None
    cases: int
    note: str = ""


def read_corpus(root: Path) -> Corpus:
    """Read `root/truth.jsonl`.

    Raises:
        ConfigError: it is missing, or a line is not a JSON object with a `task`.
    """
    entries: dict[str, list[Entry]] = defaultdict(list)
    try:
        lines = (root / "truth.jsonl").read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise ConfigError(f"no corpus in {root}: {error.strerror}") from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.loads(line)
            entries[entry["task"]].append(entry)
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ConfigError(f"{root}/truth.jsonl line {number}: {error!r}") from error
    return Corpus(root, dict(entries))


def mean(values: list[float]) -> float | None:
    """Arithmetic mean; None of nothing."""
    return sum(values) / len(values) if values else None


def auc(scores: list[float], labels: list[bool]) -> float | None:
    """Area under the ROC curve; None without both classes."""
    positive = [score for score, label in zip(scores, labels, strict=True) if label]
    negative = [score for score, label in zip(scores, labels, strict=True) if not label]
    if not positive or not negative:
        return None
    wins = sum((p > n) + 0.5 * (p == n) for p in positive for n in negative)
    return wins / (len(positive) * len(negative))
