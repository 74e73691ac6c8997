"""Clicks on unseen items in a public sample of interactions, through what its columns say of the items."""

from __future__ import annotations

import csv
from collections.abc import Iterable

import numpy as np

from benchmarks.truth import Corpus, Metric
from mmu.interest.history import Event
from mmu.interest.model import evaluate
from mmu.interest.table import Group, Table

#: group of features -> columns of the sample that are tokens; -1 stands for unknown
TOKENS = {"author": ("author_id", "item_city"), "audio": ("music_id",), "channel": ("channel",)}


def score(corpus: Corpus, _reports: object, limit: int | None) -> Iterable[Metric]:
    """AUC of `finish` on items never seen in training, by group of features and for all."""
    for entry in corpus.of("interest"):
        with corpus.path(entry["file"]).open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, fieldnames=entry["columns"], delimiter="\t"))[:limit]
        items = {row["item_id"]: row for row in rows}
        ids = list(items)
        nothing = np.zeros((len(ids), 0), np.float32)
        groups = {
            name: Group(
                [],
                nothing,
                [{f"{c}:{items[one][c]}": 1.0 for c in columns if items[one][c] != "-1"} for one in ids],
            )
            for name, columns in TOKENS.items()
        }
        seconds = np.array([[float(items[one]["duration"])] for one in ids], np.float32)
        groups["length"] = Group(["duration"], seconds, [{} for _ in ids])
        events = [Event(row["uid"], row["item_id"], row["finish"] == "1", float(row["time"])) for row in rows]
        judged = evaluate(Table(ids, ids, groups), sorted(events, key=lambda event: event.time))
        note = f"{judged.with_history:.0%} of the users have a history"
        for name, value in judged.auc.items():
            yield Metric("interest", f"interest.auc_{name}", value, judged.events, note)
