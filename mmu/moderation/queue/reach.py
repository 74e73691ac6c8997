"""How many views are expected of videos: a table that comes with the reports, for the order of the queue."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping
from pathlib import Path

from mmu.errors import ConfigError
from mmu.report.schema import Report

COLUMNS = ("video", "views")


def read_reach(path: Path) -> dict[str, float]:
    """Views by video, from CSV with the columns `video` (SHA-256 or URI, as in its report) and `views`.

    Raises:
        ConfigError: it cannot be read, a column is missing, or a line (named by its number) is no
            number of views.
    """
    found: dict[str, float] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise ConfigError(f"{path}: a table with the columns {' and '.join(COLUMNS)} is needed")
            for row in rows:
                found[(row["video"] or "").strip()] = _views(row["views"], f"{path}:{rows.line_num}")
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ConfigError(f"cannot read the expected views {path}: {error}") from error
    return found


def reach_of(report: Report, known: Mapping[str, float]) -> float:
    """The views expected of a report's video; 0 when nothing is known."""
    return known.get(report.id, known.get(report.uri, 0.0))


def _views(text: str | None, place: str) -> float:
    try:
        views = float(text or "")
    except ValueError:
        raise ConfigError(f"{place}: {text!r} is not a number of views") from None
    if not (views >= 0 and math.isfinite(views)):
        raise ConfigError(f"{place}: {text!r} is not a number of views")
    return views
