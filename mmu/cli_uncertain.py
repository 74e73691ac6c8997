"""`mmu uncertain`: which videos people should look at next."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from mmu.errors import ConfigError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `uncertain` command."""
    parser = commands.add_parser(
        "uncertain",
        help="which videos people should look at next",
        description="Order the videos of reports for people to look at: those the brain is least sure of, "
        "each unlike the ones before. One JSON object a line, with reasons; `mmu learn` takes the verdicts.",
    )
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json|DIR")
    parser.add_argument("--limit", type=int, default=50, metavar="N", help="videos to name (default: 50)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the queue; 1 when a report could not be used."""
    from mmu.learning.uncertain import uncertain
    from mmu.report.folder import Reading

    if args.limit < 1:
        raise ConfigError(f"--limit must be at least 1, not {args.limit}")
    reading = Reading(args.reports)
    for one in uncertain(reading, limit=args.limit):
        print(json.dumps(asdict(one), ensure_ascii=False))
    return 1 if reading.bad else 0
