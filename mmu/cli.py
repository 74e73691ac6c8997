"""The command line, `mmu COMMAND`; each command has a module of its own.

Exit codes: 0 all ok, 1 some videos (or checks) failed, 2 wrong usage or set-up.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence

import mmu.moderation.cli
import mmu.report.cli
import models.cli
from mmu import (
    __version__,
    cli_caption,
    cli_doctor,
    cli_features,
    cli_find,
    cli_forget,
    cli_index,
    cli_interest,
    cli_kg,
    cli_learn,
    cli_look,
    cli_originals,
    cli_people,
    cli_queue,
    cli_review,
    cli_search,
    cli_serve,
    cli_singing,
    cli_songs,
    cli_stems,
    cli_tag,
    cli_teach,
    cli_topics,
    cli_uncertain,
    cli_voices,
)
from mmu.closed_output import discard_output
from mmu.errors import USER_ERRORS

DESCRIPTION = """\
A brain for video: it watches, listens and reads a clip and says what it is,
with the evidence for every tag. Works offline on a CPU once the weights are there:

  mmu models pull                     get the weights (once)
  mmu tag clip.mp4                    print tags, category and caption
  mmu tag clip.mp4 --html out/        write a page with player, timeline and evidence
  mmu tag *.mp4 --json out/           write one report a video
  mmu doctor                          check what is installed
"""


def build_parser() -> argparse.ArgumentParser:
    """The whole parser; importing it loads no network library."""
    parser = argparse.ArgumentParser(
        prog="mmu", description=DESCRIPTION, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--version", action="version", version=f"mmu {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what happens, with tracebacks")
    commands = parser.add_subparsers(title="commands", dest="command", metavar="COMMAND", required=True)
    for module in (
        cli_tag,
        cli_caption,
        cli_look,
        cli_teach,
        cli_people,
        cli_voices,
        cli_originals,
        mmu.report.cli,
        mmu.moderation.cli,
        models.cli,
        cli_kg,
        cli_doctor,
        cli_songs,
        cli_stems,
        cli_singing,
        cli_topics,
        cli_features,
        cli_forget,
        cli_index,
        cli_interest,
        cli_uncertain,
        cli_learn,
        cli_queue,
        cli_serve,
        cli_search,
        cli_find,
        cli_review,
    ):
        module.add_parser(commands).set_defaults(run=module.run)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit code."""
    args = build_parser().parse_args(argv)
    # Stages are what runs in parallel; numpy's own threads would only fight with them.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.CRITICAL, format="%(levelname)s %(name)s: %(message)s"
    )
    try:
        return int(args.run(args))
    except USER_ERRORS as error:
        print(f"mmu: {error}", file=sys.stderr)
        return 2
    except BrokenPipeError:
        return discard_output()
    except KeyboardInterrupt:
        print("mmu: interrupted", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
