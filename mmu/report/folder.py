"""The saved reports in files and folders."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmu.errors import ConfigError
from mmu.outcome import Outcome
from mmu.report.cli import load_report

if TYPE_CHECKING:
    from mmu.report.schema import Report


def find_reports(places: Sequence[Path]) -> list[Path]:
    """The files that are named, and every `.json` below the folders that are named, in order of name.

    Raises:
        ConfigError: a place that is not there, or a folder without any.
    """
    found: list[Path] = []
    for place in places:
        if not place.is_dir():
            if not place.exists():
                raise ConfigError(f"no such report or folder: {str(place)!r}")
            found.append(place)
            continue
        inside = sorted(place.rglob("*.json"))
        if not inside:
            raise ConfigError(f"no .json report in the folder {str(place)!r}")
        found += inside
    return list(dict.fromkeys(found))


class Reading:
    """Reads reports one by one; those that cannot be used are named on standard error and counted."""

    def __init__(self, places: Sequence[Path]) -> None:
        self.paths = find_reports(places)
        self.bad = 0

    def __iter__(self) -> Iterator[Report]:
        for path in self.paths:
            try:
                report = load_report(path)
                if not report.id or report.outcome == Outcome.FAILED:
                    raise ConfigError(f"{str(path)!r}: the video of this report could not be read")
            except ConfigError as error:
                print(f"mmu: {error}", file=sys.stderr)
                self.bad += 1
                continue
            yield report
