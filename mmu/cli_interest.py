"""`mmu interest`: a baseline that predicts clicks from features and histories."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from mmu.errors import ConfigError

DESCRIPTION = """\
Predict clicks on videos never seen before from a user's history, through the features of
`mmu features`. EVENTS.csv has the columns user, video (SHA-256 or URI), clicked (0 or 1), time.

  mmu features reports/ features/
  mmu interest fit features/ events.csv --model model.npz     prints the AUC of each group
  mmu interest score features/ events.csv --model model.npz --user 42
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `interest` command and its subcommands."""
    parser = commands.add_parser(
        "interest",
        help="predict clicks from features and histories",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    both = argparse.ArgumentParser(add_help=False)
    both.add_argument("features", type=Path, metavar="FEATURES", help="folder written by `mmu features`")
    both.add_argument("events", type=Path, metavar="EVENTS.csv")
    both.add_argument("--model", type=Path, required=True, metavar="FILE")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    actions.add_parser("fit", parents=[both], help="judge each group on unseen videos, then fit on all")
    score = actions.add_parser("score", parents=[both], help="P(click) of every video for users")
    score.add_argument("--user", action="append", required=True, metavar="USER")
    score.add_argument("--limit", type=int, default=20, metavar="N", help="videos a user (default: 20)")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do one action."""
    from mmu.interest.history import read_events
    from mmu.interest.model import evaluate, fit, score
    from mmu.interest.table import read_features

    if getattr(args, "limit", 1) < 1:
        raise ConfigError(f"--limit must be at least 1, not {args.limit}")
    table, events = read_features(args.features), read_events(args.events)
    if args.action == "fit":
        judged = evaluate(table, events)
        print(f"AUC on {judged.events} events of {judged.videos} videos never seen in training")
        for name, value in judged.auc.items():
            print(f"  {name:<8} {value:.3f}")
        used = fit(table, events, args.model)
        print(f"{args.model}: fitted on {used} of {len(events)} events")
        return 0
    for user, scores in score(table, events, args.user, args.model).items():
        ranked = sorted(zip(scores, table.ids, table.uris, strict=True), reverse=True)[: args.limit]
        for value, video, uri in ranked:
            print(json.dumps({"user": user, "video": video, "uri": uri, "score": round(value, 4)}))
    return 0
