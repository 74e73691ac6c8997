"""Copy detection: recall of altered clips by kind of alteration, false matches, and look-up at scale.

    python -m benchmarks.copies --clips DIR [--only N] [--seconds S] [--json OUT]
    python -m benchmarks.copies --scale 100000

With `--clips` all videos of the folder become originals, and excerpts of the first N are altered in
every way and looked up. With `--scale` the index is filled with synthetic videos.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from benchmarks.tasks.copies import Looked, altered, scale
from mmu.errors import USER_ERRORS, MediaError
from mmu.originals.fingerprint import fingerprint_file
from mmu.originals.store import Originals

SUFFIXES = {".mp4", ".mkv", ".avi", ".mov", ".webm"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run what was asked for; 2 on wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.copies", description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=Path, metavar="DIR", help="folder of videos")
    parser.add_argument("--only", type=int, default=12, metavar="N", help="alter N of them (default: 12)")
    parser.add_argument("--start", type=float, default=2.0, help="where the excerpt begins (default: 2 s)")
    parser.add_argument("--seconds", type=float, default=8.0, help="length of the excerpt (default: 8 s)")
    parser.add_argument("--scale", type=int, metavar="N", help="look up in an index of N synthetic videos")
    parser.add_argument("--queries", type=int, default=20, help="look-ups of each kind with --scale")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write every result as JSON")
    args = parser.parse_args(argv)
    if not args.clips and not args.scale:
        parser.error("name --clips DIR or --scale N")
    try:
        if args.clips:
            results = run_clips(args)
            print(table(results))
            if args.json:
                args.json.write_text(json.dumps([one._asdict() for one in results], indent=1) + "\n", "utf-8")
        if args.scale:
            print(run_scale(args.scale, args.queries))
    except USER_ERRORS as error:
        print(f"copies: {error}", file=sys.stderr)
        return 2
    return 0


def run_clips(args: argparse.Namespace) -> list[Looked]:
    """Index all clips of a folder and look up altered excerpts of those that are long enough."""
    files = sorted(file for file in args.clips.iterdir() if file.suffix.lower() in SUFFIXES)
    long_enough = []
    with tempfile.TemporaryDirectory() as folder, Originals(Path(folder) / "index") as index:
        for file in files:
            try:
                original = fingerprint_file(file, original=True)
            except MediaError as error:
                print(f"left out {file.name}: {error}", file=sys.stderr)
                continue
            known = len(original.times) and index.add(original, name=file.name)
            if known and original.duration >= args.start + 3.0:
                long_enough.append(file)
        step = max(1, len(long_enough) // max(1, args.only))
        chosen = long_enough[::step][: args.only]
        print(f"{len(index)} originals, {len(chosen)} altered", file=sys.stderr)
        results = []
        for one in altered(chosen, index, Path(folder), start=args.start, seconds=args.seconds):
            if not one.found or one.false:
                print(f"{one.clip} {one.transform}: found {one.found} false {one.false}", file=sys.stderr)
            results.append(one)
        return results


def table(results: Sequence[Looked]) -> str:
    """Recall by kind of alteration, as a Markdown table."""
    rows = [
        "| alteration | clips | found | start off by, median | false matches |",
        "|---|---:|---:|---:|---:|",
    ]
    kinds = list(dict.fromkeys(one.transform for one in results))
    for kind in [*kinds, "all"]:
        chosen = [one for one in results if kind in ("all", one.transform)]
        if not chosen:
            continue
        off = [one.off for one in chosen if one.off is not None]
        share = sum(one.found for one in chosen) / len(chosen)
        median = f"{statistics.median(off):.2f} s" if off else "–"
        rows.append(
            f"| {kind} | {len(chosen)} | {share:.3f} | {median} | {sum(len(one.false) for one in chosen)} |"
        )
    return "\n".join(rows)


def run_scale(videos: int, queries: int) -> str:
    """Figures of an index of so many synthetic videos, as text."""
    with tempfile.TemporaryDirectory() as folder:
        result = scale(Path(folder), videos=videos, queries=queries)
    taken = sorted(result.seconds)
    worst = taken[min(len(taken) - 1, int(0.95 * len(taken)))]
    return (
        f"{result.videos} videos, {result.hashes} hashes, {result.disk_mb:.0f} MB on disk, "
        f"filled in {result.build_seconds:.0f} s\n"
        f"look-up: median {statistics.median(taken):.3f} s, 95% {worst:.3f} s, longest {taken[-1]:.3f} s; "
        f"memory grew by {result.memory_mb:.0f} MB\n"
        f"copies found {result.found}/{result.asked}, false matches {result.false}"
    )


if __name__ == "__main__":
    sys.exit(main())
