"""`mmu index`: the reports that `mmu search` looks in."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mmu.report.folder import Reading
    from mmu.report.schema import Report


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `index` command and its subcommands."""
    parser = commands.add_parser("index", help="the search index: add reports, remove, stats")
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--index", type=Path, metavar="DIR", help="index to use (default: the user's own)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser(
        "add", parents=[place], help="add reports; one of a known video replaces the old one"
    )
    add.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json|DIR")
    remove = actions.add_parser("remove", parents=[place], help="forget videos")
    remove.add_argument("videos", nargs="+", metavar="VIDEO", help="URI or SHA-256")
    stats = actions.add_parser("stats", parents=[place], help="how much is in the index")
    stats.add_argument("--json", action="store_true")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do one action; 1 when a report could not be used."""
    from mmu.report.folder import Reading
    from mmu.search.index import SearchIndex

    reading = Reading(args.reports) if args.action == "add" else None
    with SearchIndex(args.index, create=reading is not None) as index:
        if reading is not None:
            new = index.add(_shown(reading))
            print(f"{new} new, {len(index)} videos in {index.folder}")
            return 1 if reading.bad else 0
        if args.action == "remove":
            for video in args.videos:
                index.remove(video)
                print(f"removed {video}")
            return 0
        stats = index.stats()
        print(
            json.dumps(stats) if args.json else "\n".join(f"{name}: {count}" for name, count in stats.items())
        )
    return 0


def _shown(reading: Reading) -> Iterator[Report]:
    """The reports, with a word now and then of how many were read."""
    from mmu.cli_progress import Steps

    with Steps("reports", len(reading.paths)) as steps:
        for report in reading:
            steps.step(report.uri)
            yield report
