"""`mmu find`: videos whose pictures answer a sentence, by a network of pictures and texts."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path

from mmu.errors import ConfigError


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `find` command."""
    parser = commands.add_parser(
        "find",
        help="videos whose pictures answer a sentence (needs a network like CLIP, docs/weights.md)",
        description="Compare a sentence with the keyframes of reports that `mmu tag --config FILE` wrote. "
        "FILE gives stage `labels` to open_clip or transformers.clip. `mmu search` needs no such network.",
    )
    parser.add_argument("text", metavar="TEXT", help="what is to be seen")
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json|DIR")
    parser.add_argument("--config", required=True, metavar="FILE", help="the configuration of the reports")
    parser.add_argument("--limit", type=int, default=10, help="videos to name (default: 10)")
    parser.add_argument("--json", action="store_true", help="print JSON, one line a video")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print the videos that answer best; 1 when a report could not be used or none has vectors."""
    from mmu.perception.adapted.image_text import OpenLabels
    from mmu.perception.catalog import build_stages
    from mmu.report.folder import Reading
    from mmu.search.pictures import Pictures
    from models.store import Store

    if args.limit < 1:
        raise ConfigError(f"--limit must be at least 1, not {args.limit}")
    if not args.text.strip():
        raise ConfigError("the sentence is empty")
    stage = build_stages(config=args.config, only=["labels"])[0]
    if not isinstance(stage, OpenLabels):
        raise ConfigError(f"{args.config}: stage labels is not run by open_clip or transformers.clip")
    store = Store()
    stage.check(store)
    reading = Reading(args.reports)
    pictures = Pictures.of(reading, stage.source)
    if not pictures.videos:
        raise ConfigError(
            f"none of the reports has vectors of {stage.source}: write them with --config {args.config}"
        )
    vector = stage.text_vectors(store, [args.text])[0]
    stage.close()
    for one in pictures.search(vector, args.limit):
        print(
            json.dumps(asdict(one), ensure_ascii=False)
            if args.json
            else f"{one.score:.3f}  {one.time:7.2f} s  {one.uri}"
        )
    if pictures.without and not args.json:
        print(f"{pictures.without} videos have no vectors of {stage.source}")
    return 1 if reading.bad else 0
