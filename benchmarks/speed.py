"""Speed and memory of the whole path, against the naive way, in one run.

    python -m benchmarks.speed [--video FILE] [--minutes 10 60] [--json OUT]

Without `--video` a 60 s 720p clip with faces, text, speech and music is
composed from the packaged sample media. Long clips are that clip repeated.
Every row is a fresh process; peak memory is that of its whole process tree.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.clips import loop_clip
from benchmarks.measure import Measured, measure
from mmu.errors import USER_ERRORS, ConfigError
from mmu.sample import write_sample

SECONDS = 60.0


def build_parser() -> argparse.ArgumentParser:
    """The options of the harness."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed", description="Speed and memory.")
    parser.add_argument("--video", type=Path, help="clip to analyse (default: 60 s composed at 720p)")
    parser.add_argument(
        "--minutes", type=float, nargs="*", default=[10, 60], help="long clips (default: 10 60)"
    )
    parser.add_argument("--no-naive", action="store_true", help="leave out the baseline")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the figures as JSON")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the harness; returns the exit code."""
    args = build_parser().parse_args(argv)
    try:
        rows = run(args)
    except (*USER_ERRORS, RuntimeError) as error:
        print(f"speed: {error}", file=sys.stderr)
        return 2
    if args.json:
        args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(table(rows))
    return 0


def run(args: argparse.Namespace) -> dict[str, Any]:
    """Measure the clip, the baseline and the long clips."""
    if args.video is not None and not args.video.is_file():
        raise ConfigError(f"no such file: {args.video}")
    with tempfile.TemporaryDirectory() as folder:
        video = args.video or write_sample(Path(folder) / "clip.mp4", seconds=SECONDS)
        rows: dict[str, Any] = {"ours": _row(measure("benchmarks.ours", str(video)))}
        if not args.no_naive:
            rows["naive"] = _row(measure("benchmarks.naive", str(video)))
        for minutes in args.minutes:
            long = loop_clip(video, Path(folder) / "long.mp4", seconds=60 * minutes)
            rows[f"ours, {minutes:g} min"] = _row(measure("benchmarks.ours", str(long)))
    return rows


def _row(measured: Measured) -> dict[str, Any]:
    print(f"{measured.wall:8.1f} s wall, {measured.peak_mb:6.0f} MB", file=sys.stderr, flush=True)
    return {
        "wall_s": round(measured.wall, 1),
        "cpu_s": round(measured.cpu, 1),
        "peak_mb": round(measured.peak_mb),
        "stages": measured.result["stages"],
    }


def table(rows: dict[str, Any]) -> str:
    """Two Markdown tables: the runs, and the stages of the clip."""
    lines = ["| run | wall s | CPU s | peak MB |", "|---|---:|---:|---:|"]
    lines += [
        f"| {name} | {row['wall_s']} | {row['cpu_s']} | {row['peak_mb']} |" for name, row in rows.items()
    ]
    naive = rows.get("naive")
    if naive:
        lines.append(f"\nnaive / ours: {naive['wall_s'] / rows['ours']['wall_s']:.1f} × in wall time")
    lines += ["", "| stage | ours s | naive s |", "|---|---:|---:|"]
    for name, seconds in rows["ours"]["stages"].items():
        other = naive["stages"].get(name) if naive else None
        lines.append(f"| {name} | {seconds:.2f} | {'–' if other is None else f'{other:.2f}'} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
