"""`mmu caption`: sentence, paragraph and titles of stored reports; by a language model if there is one."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

from mmu.errors import ConfigError

if TYPE_CHECKING:
    from mmu.reasoning.llm import LanguageModel
    from mmu.report.schema import Report

DESCRIPTION = """\
Print the caption of stored reports: one sentence, one paragraph and titles, in Chinese and English.

  mmu caption out/clip.json
  mmu caption out/clip.json --llm-url http://127.0.0.1:8000/v1 --llm-model NAME --frames 4 --write

With an endpoint that speaks OpenAI's chat protocol (or $MMU_LLM_URL, $MMU_LLM_MODEL, $MMU_LLM_KEY,
$MMU_LLM_TIMEOUT) the model drafts the caption. Clauses with words that the evidence does not support
are taken out and listed. Where the model fails, the grounded caption stays, and the exit code is 1.
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `caption` command."""
    parser = commands.add_parser(
        "caption",
        help="sentence, paragraph and titles of a stored report; by a language model if there is one",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json")
    add_model_arguments(parser)
    parser.add_argument("--frames", type=int, default=0, metavar="N", help="frames to send (default: none)")
    parser.add_argument("--write", action="store_true", help="write the caption into the report")
    return parser


def add_model_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of commands that ask a language model: which one, and where its frames come from."""
    parser.add_argument("--llm-url", metavar="URL", help="endpoint, up to /v1 (default: $MMU_LLM_URL)")
    parser.add_argument("--llm-model", metavar="NAME", help="model to ask (default: $MMU_LLM_MODEL)")
    parser.add_argument("--llm-timeout", type=float, metavar="S", help="seconds to wait (default: 60)")
    parser.add_argument("--video", metavar="FILE", help="where the frames are (default: the report's uri)")


def run(args: argparse.Namespace) -> int:
    """Print the captions; 1 when a model was asked and failed."""
    from mmu.describe import describe, take_frames
    from mmu.report.cli import load_report

    model = language_model(args)
    if args.frames and model is None:
        raise ConfigError("--frames are for a language model: name it with --llm-url")
    if args.video and len(args.reports) > 1:
        raise ConfigError("--video goes with one report")
    failed = False
    for path in args.reports:
        report = load_report(path)
        if model is not None:
            frames = take_frames(args.video or report.uri, args.frames) if args.frames else []
            report = describe(report, model, frames=frames)
            if args.write:
                write_report(path, report)
        failed |= _print(path, report)
    return int(failed)


def language_model(args: argparse.Namespace) -> LanguageModel | None:
    """The endpoint of the command line or the environment; None when there is none."""
    from mmu.reasoning.llm import LanguageModel

    given = {
        "MMU_LLM_URL": args.llm_url,
        "MMU_LLM_MODEL": args.llm_model,
        "MMU_LLM_TIMEOUT": args.llm_timeout,
    }
    return LanguageModel.from_environment(
        {**os.environ, **{name: str(value) for name, value in given.items() if value is not None}}
    )


def write_report(path: Path, report: Report) -> None:
    """Replace a stored report.

    Raises:
        ConfigError: it cannot be written.
    """
    partial = path.with_name(path.name + ".partial")
    try:
        partial.write_text(report.to_json(), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise ConfigError(f"cannot write {path}: {error.strerror}") from error


def _print(path: Path, report: Report) -> bool:
    """Print one caption; whether the language model failed."""
    print(path)
    caption = report.caption
    if caption is None:
        print("  nothing is sure enough for a caption")
    else:
        for text in (caption.text, caption.paragraph):
            if text is not None:
                print(f"  {text.zh}\n  {text.en}")
        for title in caption.titles:
            print(f"  · {title.zh} / {title.en}")
        print(f"  source: {caption.source}")
        if caption.unsupported:
            print(f"  taken out, nothing supports it: {', '.join(caption.unsupported)}")
    errors = [one.message for one in report.errors if one.where == "language_model"]
    for message in errors:
        print(f"  language model: {message}")
    return bool(errors)
