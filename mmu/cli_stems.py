"""`mmu stems FILE --out DIR`: separate the voice from the accompaniment."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from models.separation import Separator


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `stems` command."""
    parser = commands.add_parser(
        "stems",
        help="separate the voice of a recording from its accompaniment",
        description="Write vocals.wav and accompaniment.wav (44.1 kHz stereo). The networks are fetched once "
        "with `mmu models pull --profile stems`. --demucs takes another (docs/extras.md).",
    )
    parser.add_argument("file", metavar="FILE", help="sound or video; path, http(s) URL or fsspec URL")
    parser.add_argument("--out", required=True, type=Path, metavar="DIR", help="where the two files go")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (default: 1)")
    parser.add_argument(
        "--demucs", type=Path, metavar="WEIGHTS", help="HT-Demucs: a .th file, or a folder with a bag of them"
    )
    parser.add_argument("--device", default="auto", help="for --demucs: auto, cuda, mps, cpu (default: auto)")
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    return parser


def run(args: argparse.Namespace) -> int:
    """Separate one file; 0 when both stems were written, 1 when decoding stopped part-way."""
    import sys

    from tqdm import tqdm

    from mmu.errors import ConfigError
    from mmu.media.open import open_clip
    from mmu.songs.collect import OPTIONS
    from mmu.songs.stems import write_stems
    from models.separation import SAMPLE_RATE

    if args.threads < 1:
        raise ConfigError(f"--threads {args.threads}: must be at least 1")
    separator = _separator(args.demucs, args.device, args.threads)
    with (
        open_clip(args.file, options=OPTIONS, audio_rates=frozenset({SAMPLE_RATE})) as clip,
        tqdm(total=round(clip.duration), unit="s", disable=args.quiet or None, leave=False) as bar,
    ):
        paths = write_stems(
            clip, args.out, separator, on_progress=lambda done: bar.update(round(done) - bar.n)
        )
        for error in clip.errors:
            print(f"{args.file}: {error.message}", file=sys.stderr)
        partial = bool(clip.errors)
    for path in paths:
        print(path)
    return 1 if partial else 0


def _separator(demucs: Path | None, device: str, threads: int) -> Separator:
    if demucs is None:
        from models.separation import Spleeter
        from models.store import Store

        return Spleeter(Store().file("spleeter-2stems"), threads=threads)
    from mmu.errors import ConfigError
    from models.torch.demucs import Demucs
    from models.torch.runtime import Runtime, RuntimeOptions

    if device.partition(":")[0] not in ("auto", "cpu", "cuda", "mps"):
        raise ConfigError(f"--device {device}: choose auto, cuda, cuda:N, mps or cpu")
    return Demucs(demucs, Runtime(RuntimeOptions(device=device), threads=threads), batch=2)
