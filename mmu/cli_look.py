"""`mmu look`: stored reports looked at again by a vision-language model."""

from __future__ import annotations

import argparse
from pathlib import Path

from mmu.cli_caption import add_model_arguments

DESCRIPTION = """\
Show frames of a video to a vision-language model behind an endpoint that speaks OpenAI's chat protocol, and
find the report's tags anew with what it names.

  mmu look out/clip.json --llm-url http://127.0.0.1:8000/v1 --llm-model NAME --frames 8 --write

Its answers are held against the graph and the evidence; what was refused, and what the question took, is
printed and kept in the report. A report whose cheap signals are sure already is not asked about, unless
--always. The endpoint may also be given by $MMU_LLM_URL, $MMU_LLM_MODEL, $MMU_LLM_KEY and $MMU_LLM_TIMEOUT.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `look` command."""
    parser = commands.add_parser(
        "look",
        help="tags of a stored report by a vision-language model that looks at frames",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json")
    add_model_arguments(parser)
    parser.add_argument("--frames", type=int, default=8, metavar="N", help="frames to show (default: 8)")
    parser.add_argument("--always", action="store_true", help="ask even where the cheap signals agree")
    parser.add_argument(
        "--prices",
        type=float,
        nargs=2,
        metavar=("IN", "OUT"),
        help="prices of a million tokens",
    )
    parser.add_argument("--write", action="store_true", help="write tags and signals into the report")
    return parser


def run(args: argparse.Namespace) -> int:
    """Look at each report; 1 when the model failed on one of them."""
    from mmu.analyzer import Analyzer
    from mmu.cli_caption import language_model, write_report
    from mmu.describe import take_timed_frames
    from mmu.errors import ConfigError
    from mmu.look import STAGE, look
    from mmu.reasoning.answers import agreed
    from mmu.report.cli import load_report

    model = language_model(args)
    if model is None:
        raise ConfigError("name the model's endpoint with --llm-url or $MMU_LLM_URL")
    if args.video and len(args.reports) > 1:
        raise ConfigError("--video goes with one report")
    failed = False
    with Analyzer(only=["shots"]) as analyzer:
        for path in args.reports:
            report = load_report(path)
            asked = args.always or agreed(report) is None
            frames = take_timed_frames(args.video or report.uri, args.frames) if asked else []
            prices = None if args.prices is None else (args.prices[0], args.prices[1])
            seen = look(report, model, frames, analyzer=analyzer, always=args.always, prices=prices)
            if args.write:
                write_report(path, seen)
            stage = next(one for one in seen.stages if one.name == STAGE)
            before = {tag.id: tag.score for tag in report.tags}
            print(path)
            for note in [*stage.notes, *(error.message for error in stage.errors)]:
                print(f"  {note}")
            for tag in seen.tags:
                was = before.get(tag.id)
                if was is None or abs(was - tag.score) >= 0.01:
                    old = "not there" if was is None else f"{was:.2f}"
                    print(f"  {tag.name.zh} · {tag.name.en} {tag.score:.2f} (was {old})")
            failed |= bool(stage.errors)
    return int(failed)
