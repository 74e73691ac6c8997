"""`mmu songs add | list | remove | identify`: recognise music from your own library."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mmu.errors import USER_ERRORS

if TYPE_CHECKING:
    from mmu.songs.identify import SongMatch
    from mmu.songs.is_music import MusicCheck
    from mmu.songs.library import NewTrack, SongLibrary

_BATCH = 64


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `songs` command."""
    parser = commands.add_parser(
        "songs",
        help="recognise music from your own library: add, list, remove, identify",
        description="A library of music that you add, and what of it plays in a recording.",
    )
    actions = parser.add_subparsers(dest="songs_command", metavar="COMMAND", required=True)
    add = _action(actions, "add", "fingerprint files, or all sound files in folders")
    add.add_argument("places", nargs="+", metavar="DIR|FILE", help="folders and files")
    add.add_argument(
        "--anything", action="store_true", help="take what does not sound like music too, unheard"
    )
    _action(actions, "list", "show the tracks of the library")
    remove = _action(actions, "remove", "forget tracks")
    remove.add_argument("names", nargs="+", metavar="NAME", help="names as `mmu songs list` shows them")
    identify = _action(actions, "identify", "say which tracks play in a recording, where, or that none does")
    identify.add_argument("file", metavar="FILE", help="sound or video; path, http(s) URL or fsspec URL")
    identify.add_argument(
        "--separate",
        action="store_true",
        help="take the voice away first (better under loud speech; needs `mmu models pull --profile stems`)",
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Carry out one command; 0 when all went well, 1 when a file could not be added or read to its end."""
    from mmu.songs.library import SongLibrary
    from models.store import default_root

    folder = args.library or default_root() / "songs"
    command = {"add": _add, "list": _list, "remove": _remove, "identify": _identify}[args.songs_command]
    with SongLibrary(folder) as library:
        return command(library, args)


def _action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(
        name, help=text, description=f"{text[0].upper()}{text[1:]}."
    )
    parser.add_argument(
        "--library", type=Path, metavar="DIR", help="where the library is (default: in $MMU_HOME)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    return parser


def _add(library: SongLibrary, args: argparse.Namespace) -> int:
    from mmu.cli_progress import Steps
    from mmu.songs.collect import find_files, read_track

    added, failed = 0, 0
    batch: list[NewTrack] = []
    paths = find_files(args.places)
    check = None if args.anything else _music_check()
    with Steps("files", len(paths)) as steps:
        for path in paths:
            steps.step(path.name)
            try:
                track = read_track(path, check)
            except USER_ERRORS as error:
                print(f"mmu: {error}", file=sys.stderr)
                failed += 1
                continue
            known = library.find(sha256=track.sha256)
            if known or any(other.sha256 == track.sha256 for other in batch):
                print(f"{path}: is in the library already", file=sys.stderr)
                continue
            batch.append(track)
            if len(batch) == _BATCH:
                added += len(library.add(batch))
                batch = []
    added += len(library.add(batch))
    if check is not None:
        check.close()
    total = len(library.tracks())
    if args.json:
        print(json.dumps({"added": added, "failed": failed, "tracks": total}))
    else:
        print(f"{added} tracks added, {total} in {library.folder}")
    return 1 if failed else 0


def _music_check() -> MusicCheck | None:
    from mmu.songs.is_music import MusicCheck, can_check
    from models.store import Store

    store = Store()
    if not can_check(store):
        print("mmu: whether it is music is not checked: run `mmu models pull`", file=sys.stderr)
        return None
    return MusicCheck(store)


def _list(library: SongLibrary, args: argparse.Namespace) -> int:
    tracks = library.tracks()
    if args.json:
        keys = ("name", "path", "sha256", "seconds")
        rows = [{key: value for key, value in asdict(track).items() if key in keys} for track in tracks]
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return 0
    for track in tracks:
        print(f"{_clock(track.seconds):>9}  {track.name}  ({track.path})")
    size = library.entries() * 8 / 1e6
    print(f"{len(tracks)} tracks, {sum(t.seconds for t in tracks) / 3600:.1f} h, {size:.1f} MB of landmarks")
    return 0


def _remove(library: SongLibrary, args: argparse.Namespace) -> int:
    removed = [library.remove(name).name for name in args.names]
    print(json.dumps({"removed": removed}, ensure_ascii=False) if args.json else f"removed {len(removed)}")
    return 0


def _identify(library: SongLibrary, args: argparse.Namespace) -> int:
    from mmu.media.open import open_clip
    from mmu.songs.collect import OPTIONS
    from mmu.songs.fingerprint import RATE
    from mmu.songs.identify import cut, identify
    from mmu.songs.separated import accompaniment

    rates = frozenset({44100} if args.separate else {RATE})
    with open_clip(args.file, options=OPTIONS, audio_rates=rates) as clip:
        pieces = cut(clip.duration) if clip.has_audio else []
        windows = (
            accompaniment(clip, pieces)
            if args.separate
            else ((start, clip.audio(RATE, start, end)) for start, end in pieces)
        )
        matches = identify(library, windows)
        errors = [error.message for error in clip.errors]
    for message in errors:
        print(f"mmu: {args.file}: {message}", file=sys.stderr)
    if args.json:
        print(json.dumps([_row(match) for match in matches], ensure_ascii=False, indent=2))
    elif not matches:
        print("unknown: no track of the library plays here" if library.tracks() else "the library is empty")
    else:
        for match in matches:
            print(_line(match))
    return 1 if errors else 0


def _row(match: SongMatch) -> dict[str, Any]:
    row = asdict(match)
    track = row.pop("track")
    row |= {"track": track["name"], "path": track["path"]}
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}


def _line(match: SongMatch) -> str:
    changes = f"speed {match.speed:.3f}"
    if abs(match.pitch) > 0.1:
        changes += f", pitch {match.pitch:+.1f} semitones"
    return (
        f"{_clock(match.start)}-{_clock(match.end)}  {match.track.name}  from {_clock(match.offset)}  "
        f"({changes}; {match.peaks} peaks agree, next best track {match.runner_up})"
    )


def _clock(seconds: float) -> str:
    sign, seconds = ("-", -seconds) if seconds < -0.05 else ("", max(seconds, 0.0))
    return f"{sign}{int(seconds // 60)}:{seconds % 60:04.1f}"
