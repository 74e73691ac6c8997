"""`mmu originals`: an index of known videos that finds copies of them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mmu.errors import ConfigError, MediaError

if TYPE_CHECKING:
    from mmu.originals.fingerprint import Fingerprint
    from mmu.originals.sound import SoundIndex
    from mmu.originals.store import Found, Originals

DESCRIPTION = """\
Is a video a copy of one that is known, whole or in part? Pictures and sound are compared, each for
itself: a copy with new music is found, also when it is re-encoded, resized, cropped, mirrored, faster
or slower, with a logo, subtitles or bars; and so is the same sound under other pictures.

  mmu originals add library/*.mp4
  mmu originals check upload.mp4
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `originals` command and its subcommands."""
    parser = commands.add_parser(
        "originals",
        help="the index of known videos: add, check for copies, list, remove",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--index", type=Path, metavar="DIR", help="index to use (default: the user's own)")
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[place], help="add videos, pictures or reports (.json)")
    add.add_argument(
        "files", nargs="+", metavar="FILE", help="a report has no hashes of crops: rather a file"
    )
    check = actions.add_parser("check", parents=[place], help="say of which originals a file is a copy")
    check.add_argument(
        "files", nargs="+", metavar="FILE", help="video, picture or report (.json, which has no sound)"
    )
    check.add_argument("--limit", type=int, default=5, metavar="N", help="originals to name (default: 5)")
    actions.add_parser("list", parents=[place], help="list all originals")
    remove = actions.add_parser("remove", parents=[place], help="forget originals")
    remove.add_argument("names", nargs="+", metavar="NAME", help="as listed, or the SHA-256")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do one action; 1 when a file could not be used."""
    from mmu.originals.sound import SoundIndex
    from mmu.originals.store import Originals

    if args.action == "check" and args.limit < 1:
        raise ConfigError(f"--limit must be at least 1, not {args.limit}")
    create = args.action == "add"
    with Originals(args.index, create=create) as index, SoundIndex(index.folder, create=create) as sound:
        if args.action == "list":
            for name, sha256, seconds in index.names():
                print(f"{name}\t{seconds:.1f} s\t{sha256}")
            return 0
        if args.action == "remove":
            for name in args.names:
                index.remove(name)
                sound.remove(name)
                print(f"removed {name}")
            return 0
        action = _add if args.action == "add" else _check
        return 0 if all([action(index, sound, file, args) for file in args.files]) else 1


def _add(index: Originals, sound: SoundIndex, file: str, _: argparse.Namespace) -> bool:
    try:
        new = index.add(_fingerprint(file, original=True))
        heard = not _is_report(file) and sound.add(file)
    except (ConfigError, MediaError) as error:
        print(f"mmu: {file}: {error}", file=sys.stderr)
        return False
    print(f"{file}: {'added' if new else 'is there already'}{', with its sound' if heard else ''}")
    return True


def _check(index: Originals, sound: SoundIndex, file: str, args: argparse.Namespace) -> bool:
    try:
        query = _fingerprint(file, original=False)
        heard = [] if _is_report(file) else sound.check(file)
    except (ConfigError, MediaError) as error:
        print(f"mmu: {file}: {error}", file=sys.stderr)
        return False
    found = index.check(query, limit=args.limit)
    if not found and not heard:
        print(f"{file}: no copy of the {len(index)} originals")
    for one in found:
        print(f"{file}: {describe(one)}")
        for span in one.copy.spans:
            print(
                f"  {_clock(span.start)}–{_clock(span.end)}  =  "
                f"{_clock(span.original_start)}–{_clock(span.original_end)} of the original"
            )
    for same in heard:
        speed = f", speed about {same.speed:.2f}" if abs(same.speed - 1.0) >= 0.025 else ""
        print(f"{file}: same sound as {same.name}{speed}")
        length = (same.end - same.start) * same.speed
        print(
            f"  {_clock(same.start)}–{_clock(same.end)}  =  "
            f"{_clock(same.original_start)}–{_clock(same.original_start + length)} of the original"
        )
    return True


def describe(found: Found) -> str:
    """One line on a copy that was found."""
    copy = found.copy
    words = [f"copy of {found.name}", f"score {copy.score:.2f}"]
    words.append("whole" if found.kind == "whole" else f"part: {found.share:.0%} of it comes from there")
    if copy.variant != "same":
        words.append(copy.variant.replace("_", " "))
    if abs(copy.speed - 1.0) >= 0.025:
        words.append(f"speed about {copy.speed:.2f}")
    if copy.view not in ("", "bars"):
        words.append(f"cropped ({copy.view.replace('_', ' ')})")
    return ", ".join(words)


def _fingerprint(file: str, *, original: bool) -> Fingerprint:
    from mmu.originals.fingerprint import fingerprint_file, fingerprint_report

    if not _is_report(file):
        return fingerprint_file(file, original=original)
    from mmu.report.cli import load_report

    return fingerprint_report(load_report(Path(file)))


def _is_report(file: str) -> bool:
    return file.lower().endswith(".json")


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0.0, seconds), 60)
    return f"{int(minutes)}:{rest:04.1f}"
