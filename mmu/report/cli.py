"""`mmu report`: a saved report as a page, as subtitles or as a text document."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from mmu.report.schema import Report

#: bytes in which a report's opening brace is looked for
_HEAD = 4096


def add_parser(commands: Any) -> argparse.ArgumentParser:
    """Add `report` to the subcommands; `commands` is what `add_subparsers` returned."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "report",
        help="turn a saved report (JSON) into a page to look at, into subtitles or into text",
        description="Turn a report written by `mmu tag --json` into one self-contained HTML page "
        "(player, timeline, tags with their evidence), into subtitles or into a document of all text.",
    )
    parser.add_argument("report", type=Path, metavar="REPORT.json", help="the saved report")
    parser.add_argument(
        "--html", type=Path, metavar="FILE", help="page to write (default: beside the report, as .html)"
    )
    parser.add_argument("--srt", type=Path, metavar="FILE", help="write subtitles (see --srt-from)")
    parser.add_argument(
        "--srt-from",
        choices=("speech", "screen"),
        default="speech",
        help="subtitles of what is said, or those that stand in the picture (default: speech)",
    )
    parser.add_argument(
        "--text", type=Path, metavar="FILE", help="write all text on screen, every line once, by role"
    )
    parser.add_argument(
        "--video",
        type=Path,
        metavar="FILE",
        help="the video itself (default: the file the report was made from, if it is still there)",
    )
    parser.add_argument(
        "--lang", choices=("zh", "en"), help="language shown first (default: that of the reader's browser)"
    )
    parser.set_defaults(run=run)
    return parser


def run(args: argparse.Namespace) -> int:
    """Write what was asked for and name the files on standard output. Returns the exit code.

    Raises:
        ConfigError: the report cannot be read or is not a report, or an output cannot be written.
        MediaError: the file given with `--video` cannot be read.
    """
    report = load_report(args.report)
    if args.srt is not None:
        from mmu.report.srt import screen_cues, to_srt

        screen = args.srt_from == "screen"
        _write(args.srt, to_srt(screen_cues(report.on_screen_text) if screen else report.transcript))
    if args.text is not None:
        from mmu.report.document import text_document

        _write(args.text, text_document(report.on_screen_text))
    if args.html is not None or (args.srt is None and args.text is None):
        from mmu.report.html import render_html

        out: Path = args.html if args.html is not None else args.report.with_suffix(".html")
        video = args.video if args.video is not None else find_video(report)
        if args.video is not None and args.video.is_file() and not is_same_file(args.video, report):
            print(f"note: {args.video} is not the file that the report was made from", file=sys.stderr)
        _write(out, render_html(report, video=video, language=args.lang, base=out.parent))
    return 0


def load_report(path: Path) -> Report:
    """Read and check a saved report.

    Raises:
        ConfigError: not readable, not JSON, or not `mmu.report/1`; the message names the first fault
            and the command that makes reports.
    """
    from pydantic import ValidationError

    from mmu.errors import ConfigError
    from mmu.report.schema import Report

    fault = f"{str(path)!r} is not an mmu.report/1 report (`mmu tag FILE --json DIR` makes one)"
    try:
        with path.open("rb") as file:
            # a video is told by its first bytes, and not read whole
            head = file.read(_HEAD)
            if not head.lstrip().startswith(b"{"):
                raise ConfigError(f"{fault}: it does not hold a JSON object")
            return Report.model_validate_json(head + file.read())
    except OSError as error:
        raise ConfigError(f"cannot read the report {str(path)!r}: {error.strerror or error}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ConfigError(f"{fault}: {where}: {first['msg']}") from error


def find_video(report: Report) -> Path | None:
    """The local file of the report's own URI, only when its bytes are the ones that were analysed."""
    parts = urlsplit(report.uri)
    # one letter is a Windows drive
    if parts.scheme not in {"", "file"} and len(parts.scheme) > 1:
        return None
    path = Path(unquote(parts.path)) if parts.scheme == "file" else Path(report.uri)
    try:
        return path if path.is_file() and is_same_file(path, report) else None
    except (OSError, ValueError):
        return None


def is_same_file(path: Path, report: Report) -> bool:
    """Whether the file's SHA-256 is the report's id."""
    if not report.id:
        return False
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == report.id


def _write(path: Path, text: str) -> None:
    """Write through a temporary file so that a reader never sees half a page."""
    from mmu.errors import ConfigError

    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.write_text(text, "utf-8", errors="replace")
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise ConfigError(f"cannot write {str(path)!r}: {error.strerror or error}") from error
    print(path)
