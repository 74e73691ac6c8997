"""`mmu singing FILE`: notes, range, intonation and vibrato of a voice, a score, and corrections."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from mmu.songs.reference import Comparison
    from mmu.songs.singing import Singing


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `singing` command."""
    parser = commands.add_parser(
        "singing",
        help="measure singing: notes, range, intonation, vibrato, a 0-100 score; compare; correct",
        description="Measure the singing of one voice. The score says how well the pitch sits on the notes "
        "and stays there; it does not judge timbre, words or expression.",
    )
    parser.add_argument("file", metavar="FILE", help="sound or video; path, http(s) URL or fsspec URL")
    parser.add_argument(
        "--separate",
        action="store_true",
        help="take the accompaniment away first (needs `mmu models pull --profile stems`)",
    )
    parser.add_argument(
        "--reference",
        metavar="REF",
        help="compare with this recording of the same song: pitch, rhythm, notes",
    )
    parser.add_argument(
        "--beautify",
        type=Path,
        metavar="OUT.wav",
        help="write the voice with each note on its pitch: the reference's, or the nearest semitone",
    )
    parser.add_argument("--json", action="store_true", help="print JSON, with every note")
    return parser


def run(args: argparse.Namespace) -> int:
    """Measure one file; 0 when there was singing to measure, 1 when not."""
    from mmu.errors import ConfigError
    from mmu.songs.reference import compare
    from mmu.songs.singing import analyse
    from models.pitch import SwiftF0
    from models.store import Store

    network = SwiftF0(Store().file("swift-f0"))
    samples = _voice(args.file, separate=args.separate)
    pitch = network.track(samples)
    found = analyse(pitch)
    if found is None:
        print(json.dumps(None) if args.json else f"{args.file}: no sung note found")
        return 1
    comparison = None
    if args.reference:
        try:
            comparison = compare(pitch, network.track(_voice(args.reference, separate=args.separate)))
        except ValueError as error:
            raise ConfigError(f"{args.reference}: {error}") from error
        if comparison is None:
            raise ConfigError(f"{args.reference}: too little voice to compare with")
    if args.json:
        row = asdict(found)
        if comparison is not None:
            row["reference"] = {k: v for k, v in asdict(comparison).items() if k not in ("path", "error")}
        print(json.dumps(_rounded(row), indent=2))
    else:
        print(summary(found) if comparison is None else f"{against(comparison)}\n\n{summary(found)}")
    if args.beautify:
        from mmu.songs.beautify import beautify, write_wav

        write_wav(beautify(samples, 16000, pitch, found, comparison), args.beautify)
        if not args.json:
            print(f"wrote {args.beautify}")
    return 0


def _voice(path: str, *, separate: bool) -> NDArray[np.float32]:
    """(n,) float32 mono at 16 kHz."""
    from mmu.errors import MediaError
    from mmu.media.open import open_clip
    from mmu.songs.collect import OPTIONS
    from mmu.songs.separated import voice
    from models.pitch import SAMPLE_RATE

    rate = 44100 if separate else SAMPLE_RATE
    with open_clip(path, options=OPTIONS, audio_rates=frozenset({rate})) as clip:
        if not clip.has_audio:
            raise MediaError(f"{path}: has no sound", code="no_audio")
        return voice(clip) if separate else clip.audio(SAMPLE_RATE)


def against(found: Comparison) -> str:
    """What the comparison with a reference found, for a terminal."""
    parts = ", ".join(f"{name} {value:.0f}" for name, value in found.parts.items())
    return "\n".join(
        [
            f"against the reference  {found.score:.0f}/100  ({parts})",
            f"pitch       {found.cents:.0f} cents off on average, {found.hits:.0%} within half a semitone, "
            f"sung {found.transposition:+.1f} semitones from it",
            f"timing      {found.timing * 1000:.0f} ms off on average at {found.tempo:.2f} times its tempo",
            f"complete    {found.completeness:.0%} of its voice was sung",
        ]
    )


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
