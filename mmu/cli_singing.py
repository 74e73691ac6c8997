"""`mmu singing FILE`: notes, range, intonation, steadiness and vibrato of a voice, and a score."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mmu.songs.singing import Singing


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `singing` command."""
    parser = commands.add_parser(
        "singing",
        help="measure singing: notes, range, intonation, steadiness, vibrato, a 0-100 score",
        description="Measure the singing of one voice. The score says how well the pitch sits on the notes "
        "and stays there; it does not judge timbre, words or expression.",
    )
    parser.add_argument("file", metavar="FILE", help="sound or video; path, http(s) URL or fsspec URL")
    parser.add_argument(
        "--separate",
        action="store_true",
        help="take the accompaniment away first (needs `mmu models pull --profile stems`)",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every note")
    return parser


def run(args: argparse.Namespace) -> int:
    """Measure one file; 0 when there was singing to measure, 1 when not."""
    from mmu.media.open import open_clip
    from mmu.songs.collect import OPTIONS
    from mmu.songs.separated import voice
    from mmu.songs.singing import analyse
    from models.pitch import SAMPLE_RATE, SwiftF0
    from models.store import Store

    network = SwiftF0(Store().file("swift-f0"))
    rate = 44100 if args.separate else SAMPLE_RATE
    with open_clip(args.file, options=OPTIONS, audio_rates=frozenset({rate})) as clip:
        samples = voice(clip) if args.separate else clip.audio(SAMPLE_RATE)
    found = analyse(network.track(samples))
    if found is None:
        print(json.dumps(None) if args.json else f"{args.file}: no sung note found")
        return 1
    print(json.dumps(_rounded(asdict(found)), indent=2) if args.json else summary(found))
    return 0


def summary(found: Singing) -> str:
    """A few lines for a terminal."""
    from mmu.songs.singing import note_name

    parts = ", ".join(f"{name} {value:.0f}" for name, value in found.parts.items())
    span = found.highest - found.lowest
    lines = [
        f"score       {found.score:.0f}/100  ({parts})",
        f"notes       {len(found.notes)} in {found.voiced:.1f} s of voice, "
        f"{note_name(found.lowest)} to {note_name(found.highest)} ({span:.0f} semitones)",
        f"intonation  {found.intonation:.0f} cents off the nearest semitone "
        f"(tuning {found.tuning:+.0f} cents)",
        f"steadiness  {found.steadiness:.0f} cents of wander within a note",
    ]
    if found.vibrato:
        lines.append(
            f"vibrato     {found.vibrato_share:.0%} of long notes, {found.vibrato.rate:.1f} Hz, "
            f"±{found.vibrato.extent:.0f} cents"
        )
    else:
        lines.append("vibrato     none")
    return "\n".join(lines)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_rounded(item) for item in value]
    return round(value, 3) if isinstance(value, float) else value
