"""`mmu features`: features of videos as Parquet, by group."""

from __future__ import annotations

import argparse
from pathlib import Path


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `features` command."""
    parser = commands.add_parser(
        "features",
        help="features of videos as Parquet, by group",
        description="Write the features of reports: for each group (visual, face, audio, text, quality) one "
        "Parquet file of numbers and one of tokens, and dictionary.json that says what each feature is.",
    )
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json|DIR")
    parser.add_argument("out", type=Path, metavar="OUT", help="folder to write")
    return parser


def run(args: argparse.Namespace) -> int:
    """Write the features; 1 when a report could not be used."""
    from mmu.interest.table import write_features
    from mmu.report.folder import Reading

    reading = Reading(args.reports)
    count = write_features(reading, args.out)
    print(f"features of {count} videos in {args.out}")
    return 1 if reading.bad else 0
