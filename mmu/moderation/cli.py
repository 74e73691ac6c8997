"""`mmu policy`: check, test, explain and replay policies; train and measure the text classifier."""

from __future__ import annotations

import argparse

from mmu.moderation import cli_learn, cli_rules


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `policy` command."""
    parser = commands.add_parser(
        "policy",
        help="moderation policies and the trained text classifier",
        description="Check, test, explain and replay policies; train and measure the text classifier.",
    )
    actions = parser.add_subparsers(dest="policy_command", metavar="COMMAND", required=True)
    for module in (cli_rules, cli_learn):
        module.add_actions(actions)
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out one command."""
    return int(args.action(args))
