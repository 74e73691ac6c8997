"""`mmu forget`: removes a person or a video from every store."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from mmu.errors import StoreError

DESCRIPTION = """\
Remove a person or a video from every store: the galleries of faces and voices, the memory, the
search index, the index of originals and the review queue (decisions stay, without title and place).
Reports and pages that were written stay where they are.

  mmu forget person "Ada Lovelace"
  mmu forget video /videos/clip.mp4   (or its SHA-256)
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `forget` command."""
    parser = commands.add_parser(
        "forget",
        help="remove a person or a video from every store",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("kind", choices=("person", "video"))
    parser.add_argument("what", metavar="NAME|URI|SHA-256")
    parser.add_argument(
        "--home", type=Path, metavar="DIR", help="folder of the stores (default: the user's own)"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Forget, and say where something was removed; StoreError when nothing was found anywhere."""
    from mmu.memory.forget import forget_person, forget_video, is_broker

    removed = (forget_person if args.kind == "person" else forget_video)(args.what, home=args.home)
    queue = os.environ.get("MMU_QUEUE", "")
    if args.kind == "video" and args.home is None and is_broker(queue):
        kind = queue.partition("://")[0]
        print(f"mmu: a queue in {kind} cannot forget: its tasks expire by its own rules", file=sys.stderr)
    if not removed:
        raise StoreError(f"no {args.kind} {args.what!r} in any store")
    for store, count in removed.items():
        print(f"{store}: removed {count}")
    return 0
