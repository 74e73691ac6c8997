"""The baseline: gradient-boosted trees over what histories say of candidates, judged on unseen videos."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError, StoreError
from mmu.interest.history import MATCHES, Event, Histories, rows_of, space
from mmu.interest.table import Table
from mmu.interest.trees import Trees, grow

#: share of the videos that no training event may show
HELD_OUT = 0.3
_SEED = 20261125


@dataclass(frozen=True, slots=True)
class Judged:
    """Area under the ROC curve on videos never seen in training, by group and for all together."""

    auc: dict[str, float]
    events: int
    videos: int
    #: share of the judged events whose user has clicked something before
    with_history: float


def evaluate(table: Table, events: Sequence[Event], *, groups: Sequence[str] | None = None) -> Judged:
    """Fit on the events of 70% of the videos and judge on those of the others.

    Histories too are made of training videos alone, and only of what came before.

    Raises:
        ConfigError: too few events to judge: both parts need clicks and passes.
    """
    chosen = list(groups or table.groups)
    rows = rows_of(table)
    usable = [event for event in events if event.video in rows]
    shown = sorted({rows[event.video] for event in usable})
    random.Random(_SEED).shuffle(shown)
    held = set(shown[: round(HELD_OUT * len(shown))])
    data = _describe(table, usable, chosen, fitted=[row for row in shown if row not in held], quiet=held)
    unseen = np.array([rows[event.video] in held for event in usable], bool)
    labels = np.array([event.clicked for event in usable], bool)
    for part, name in ((~unseen, "training"), (unseen, "unseen videos")):
        if len(set(labels[part].tolist())) < 2:
            raise ConfigError(f"the {name} have no clicks or no passes: more events are needed")
    found = {}
    for name, columns in [*((group, data[group]) for group in chosen), ("all", _joined(data, chosen))]:
        trees = grow(columns[~unseen], labels[~unseen])
        found[name] = auc(trees.score(columns[unseen]), labels[unseen])
    history = np.isfinite(data[chosen[0]][unseen][:, MATCHES.index("tokens_nearest")])
    return Judged(found, int(unseen.sum()), len(held), float(history.mean()))


def fit(table: Table, events: Sequence[Event], path: Path) -> int:
    """Fit on all events and write the model (no pickle: arrays of trees); returns the events used.

    Raises:
        ConfigError: no events of these videos, or no clicks, or no passes.
        StoreError: the model cannot be written.
    """
    rows = rows_of(table)
    usable = [event for event in events if event.video in rows]
    labels = np.array([event.clicked for event in usable], bool)
    if len(set(labels.tolist())) < 2:
        raise ConfigError("the events show no clicks or no passes of videos that have features")
    groups = list(table.groups)
    data = _describe(table, usable, groups, fitted=range(len(table.ids)), quiet=set())
    trees = grow(_joined(data, groups), labels)
    facts = {"groups": groups, "columns": {name: table.groups[name].columns for name in groups}}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        trees.save(path, json.dumps(facts))
    except OSError as error:
        raise StoreError(f"cannot write the model {path}: {error.strerror or error}") from error
    return len(usable)


def score(table: Table, events: Sequence[Event], users: Sequence[str], path: Path) -> dict[str, list[float]]:
    """P(click) of every video of the table for each user, given the users' history so far.

    Raises:
        ConfigError: the file is no model, or of other features.
    """
    trees, facts = Trees.load(path)
    groups = list(table.groups)
    known = {"groups": groups, "columns": {name: table.groups[name].columns for name in groups}}
    if json.loads(facts) != known:
        raise ConfigError(f"the model {path} was made from other features: fit it again")
    rows = rows_of(table)
    spaces = {name: space(group, range(len(table.ids))) for name, group in table.groups.items()}
    histories = Histories(spaces)
    for event in events:
        if event.video in rows:
            histories.add(event.user, rows[event.video], event.clicked)
    answer = {}
    for user in users:
        described = [
            [value for name in groups for value in histories.describe(user, row, name)]
            for row in range(len(table.ids))
        ]
        answer[user] = trees.score(np.array(described, np.float32)).tolist()
    return answer


def auc(scores: NDArray[np.floating], labels: NDArray[np.bool_]) -> float:
    """Area under the ROC curve: P(a click is scored above a pass), ties count half."""
    from scipy.stats import rankdata

    ranks = rankdata(scores)
    clicks, passes = int(labels.sum()), int((~labels).sum())
    return float((ranks[labels].sum() - clicks * (clicks + 1) / 2) / (clicks * passes))


def _describe(
    table: Table, events: Sequence[Event], groups: Sequence[str], *, fitted: Sequence[int], quiet: set[int]
) -> dict[str, NDArray[np.float32]]:
    """(events, features) by group, each event by what came before it; rows in `quiet` enter no history."""
    rows = rows_of(table)
    histories = Histories({name: space(table.groups[name], fitted) for name in groups})
    found: dict[str, list[list[float]]] = {name: [] for name in groups}
    for event in events:
        row = rows[event.video]
        for name in groups:
            found[name].append(histories.describe(event.user, row, name))
        if row not in quiet:
            histories.add(event.user, row, event.clicked)
    return {name: np.array(values, np.float32) for name, values in found.items()}


def _joined(data: dict[str, NDArray[np.float32]], groups: Sequence[str]) -> NDArray[np.float32]:
    return np.concatenate([data[name] for name in groups], axis=1)
