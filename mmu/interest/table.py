"""Features of many videos as Parquet: two files a group, and a data dictionary."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError, StoreError
from mmu.interest.features import COLUMNS, GROUPS, TOKENS, Features, extract
from mmu.report.schema import Report

DICTIONARY = "dictionary.json"


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """The features of one group: (n, k) float32 with NaN for unknown, and the tokens of each video."""

    columns: list[str]
    continuous: NDArray[np.float32]
    tokens: list[dict[str, float]]


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """Features of n videos by group; rows are in the order of `ids`."""

    ids: list[str]
    uris: list[str]
    groups: dict[str, Group]


def write_features(reports: Iterable[Report], out: Path) -> int:
    """Write `GROUP.continuous.parquet`, `GROUP.discrete.parquet` and `dictionary.json`; returns the videos.

    Raises:
        ConfigError: no report, or pyarrow is missing.
        StoreError: the files cannot be written.
    """
    arrow, parquet = _arrow()
    found = {one.id: one for one in map(extract, reports)}
    if not found:
        raise ConfigError("no report to take features from")
    try:
        out.mkdir(parents=True, exist_ok=True)
        for group in GROUPS:
            for kind, table in _tables(arrow, group, list(found.values())).items():
                parquet.write_table(table, out / f"{group}.{kind}.parquet")
        text = json.dumps(dictionary(), ensure_ascii=False, indent=1)
        (out / DICTIONARY).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise StoreError(f"cannot write features to {out}: {error.strerror or error}") from error
    return len(found)


def dictionary() -> list[dict[str, str]]:
    """What each feature is: group, name, kind, unit, description."""
    rows = [
        {"group": c.group, "name": c.name, "kind": "continuous", "unit": c.unit, "description": c.description}
        for c in COLUMNS
    ]
    rows += [
        {
            "group": group,
            "name": "tokens",
            "kind": "discrete",
            "unit": "weight",
            "description": TOKENS[group][0],
        }
        for group in GROUPS
    ]
    return rows


def read_features(folder: Path) -> Table:
    """Read what `write_features` wrote.

    Raises:
        ConfigError: it is not there, or pyarrow is missing.
    """
    _, parquet = _arrow()
    ids: list[str] = []
    uris: list[str] = []
    groups = {}
    try:
        for group in GROUPS:
            numbers = parquet.read_table(folder / f"{group}.continuous.parquet").to_pydict()
            words = parquet.read_table(folder / f"{group}.discrete.parquet").to_pydict()
            ids, uris = numbers.pop("id"), numbers.pop("uri")
            rows = [[np.nan if v is None else v for v in values] for values in numbers.values()]
            tokens = [
                dict(zip(names, weights, strict=True))
                for names, weights in zip(words["tokens"], words["weights"], strict=True)
            ]
            table = np.array(rows, np.float32).T.reshape(len(ids), len(numbers))
            groups[group] = Group(list(numbers), table, tokens)
    except (OSError, KeyError, ValueError) as error:
        raise ConfigError(f"no features in {folder}: write them with `mmu features` ({error})") from error
    return Table(ids, uris, groups)


def _tables(arrow: Any, group: str, videos: list[Features]) -> dict[str, Any]:
    names = [column.name for column in COLUMNS if column.group == group]
    keys = {"id": [one.id for one in videos], "uri": [one.uri for one in videos]}
    numbers = {
        name: arrow.array([one.continuous[group][at] for one in videos], arrow.float32())
        for at, name in enumerate(names)
    }
    tokens = arrow.array([list(one.discrete[group]) for one in videos], arrow.list_(arrow.string()))
    weights = [list(one.discrete[group].values()) for one in videos]
    words = {"tokens": tokens, "weights": arrow.array(weights, arrow.list_(arrow.float32()))}
    return {"continuous": arrow.table(keys | numbers), "discrete": arrow.table(keys | words)}


def _arrow() -> tuple[Any, Any]:
    try:
        import pyarrow
        import pyarrow.parquet
    except ImportError as error:
        raise ConfigError('features are Parquet files: pip install "mmu-video[batch]" for pyarrow') from error
    return pyarrow, pyarrow.parquet
