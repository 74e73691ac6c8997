"""`mmu voices`: the gallery of known voices."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from mmu.cli_gallery import add_list_and_remove, find_name, gallery_option, list_everybody, nearest, remove
from mmu.errors import ConfigError, MediaError

if TYPE_CHECKING:
    from mmu.gallery.voices import VoiceGallery

DESCRIPTION = """\
Known voices: reports made with `mmu tag --voices` name the speakers whose voice is in the gallery.
A gallery holds biometric data (voice embeddings, no sound); `remove` deletes them for good.

  mmu voices add "Ada Lovelace" ada.wav interview.mp4
  mmu voices find meeting.mp4         who speaks in it, and when
"""


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `voices` command and its subcommands."""
    parser = commands.add_parser(
        "voices",
        help="the gallery of known voices: add, list, remove, find",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    place = gallery_option()
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    add = actions.add_parser("add", parents=[place], help="add recordings of a person")
    add.add_argument("name", metavar="NAME", help="as it shall appear in reports")
    add.add_argument("files", nargs="+", metavar="FILE", help="sound or video in which only they speak")
    add.add_argument("--longest", action="store_true", help="of several voices take the one heard longest")
    add_list_and_remove(actions, place, "recording")
    find = actions.add_parser("find", parents=[place], help="who speaks in a recording, or what is stored")
    find.add_argument("what", metavar="FILE|NAME")
    return parser


def run(args: argparse.Namespace) -> int:
    """Do one action; 1 when a recording of `add` could not be used."""
    from mmu.gallery.voices import VoiceGallery

    with VoiceGallery(args.gallery, create=args.action == "add") as gallery:
        return _ACTIONS[args.action](gallery, args)


def _add(gallery: VoiceGallery, args: argparse.Namespace) -> int:
    from mmu.gallery.voices import Listener, enrol
    from models.store import Store

    listener = Listener(Store())
    clean = True
    for path in args.files:
        try:
            done = enrol(gallery, args.name, path, listener, longest=args.longest)
        except (ConfigError, MediaError) as error:
            print(f"mmu: {error}", file=sys.stderr)
            clean = False
            continue
        print(f"{path}: " + (f"added, {done.seconds:.1f} s of speech" if done.added else "is there already"))
    return 0 if clean else 1


def _find(gallery: VoiceGallery, args: argparse.Namespace) -> int:
    if Path(args.what).is_file():
        return _who(gallery, args.what)
    return find_name(gallery, args.what)


def _who(gallery: VoiceGallery, path: str) -> int:
    from mmu.gallery.voices import Listener, name_speakers, turns_of
    from mmu.signals import SignalSet
    from models.store import Store

    _, speakers = Listener(Store()).speakers(path)
    if not speakers:
        print(f"{path}: nobody speaks in it")
    known = gallery.snapshot()
    for signal in name_speakers(SignalSet(speakers), known):
        name, match = signal.attributes.get("name"), signal.attributes.get("match")
        answer = f"{name}\t{match:.2f}" if name else f"unknown\t{nearest(known, signal.embedding)}"
        turns = ", ".join(f"{turn.start:.1f}-{turn.end:.1f}" for turn in turns_of(signal)[:8])
        print(f"{answer}\t{signal.attributes['seconds']:.1f} s\t{turns}")
    return 0


_ACTIONS: dict[str, Callable[[VoiceGallery, argparse.Namespace], int]] = {
    "add": _add,
    "list": list_everybody,
    "remove": remove,
    "find": _find,
}
