"""The same videos analysed in every way the project has must give the same reports, but for timings.

    python -m benchmarks.same [VIDEO…] [--stages A,B] [--seconds 12]

In this process with all cores, with one thread, and with two videos at once, then as batch jobs: one worker,
two workers, and two and four workers that share every video. Without videos two clips of the packaged sample
media are taken, and one of five and a half minutes, which is looked at in windows.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from benchmarks.batch import run_job
from mmu.analyzer import Analyzer
from mmu.report.schema import Report
from mmu.request import Request

TITLE, TOPICS = "宇航员和她的猫咪 A day of an astronaut", ("宇航员", "猫咪", "上热门", "篮球")
#: how a batch job is run: its name, workers, and the length above which a video is shared
JOBS: tuple[tuple[str, int, float | None], ...] = (
    ("1 worker", 1, None),
    ("2 workers", 2, None),
    ("2 workers, shared videos", 2, 0.1),
    ("4 workers, shared videos", 4, 0.1),
)
#: differences shown
SHOWN = 12


def main(argv: Sequence[str] | None = None) -> int:
    """Run and print; 0 when all reports are the same."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--stages", help="only these stages, comma-separated (default: all)")
    parser.add_argument("--seconds", type=float, default=12.0, help="length of the sample clips")
    args = parser.parse_args(argv)
    stages = args.stages.split(",") if args.stages else None
    with tempfile.TemporaryDirectory(prefix="mmu-same-") as folder:
        videos = args.videos or sample_clips(Path(folder), args.seconds)
        found = run_all(Path(folder), videos, stages)
    reference, *others = found.items()
    wrong = 0
    for name, reports in others:
        diffs = [diff for uri in reference[1] for diff in differences(reference[1][uri], reports.get(uri))]
        wrong += bool(diffs)
        print(f"{name}: {len(reports)} reports, {len(diffs)} differences from {reference[0]}")
        for diff in diffs[:SHOWN]:
            print(f"  {diff}")
    return 1 if wrong else 0


def sample_clips(folder: Path, seconds: float) -> list[Path]:
    """Two clips of the packaged media, and a long one in which somebody speaks where windows meet."""
    from benchmarks.clips import write_sparse
    from mmu.sample import write_sample

    short = [write_sample(folder / f"clip{part}.mp4", seconds=seconds + part) for part in range(2)]
    return [*short, write_sparse(folder / "long.mp4", seconds=330, events=(6.0, 298.0, 310.0))]


def run_all(
    folder: Path,
    videos: Sequence[Path],
    stages: list[str] | None,
    *,
    threads: Sequence[int | None] = (None, 1),
    at_once: Sequence[int] = (2,),
    jobs: Sequence[tuple[str, int, float | None]] = JOBS,
    environment: Mapping[str, str] | None = None,
) -> dict[str, dict[str, dict[str, Any]]]:
    """Reports without timings, by the way they were made and by video.

    Args:
        folder: for lists and tables.
        videos: what to analyse.
        stages: only these; None: all.
        threads: of an analyzer in this process, one after the other.
        at_once: videos at once, in this process.
        jobs: see `JOBS`.
        environment: of the jobs, for a cluster (default: each has a Ray of its own).
    """
    names = [str(video.resolve()) for video in videos]
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for number in threads:
        with Analyzer(only=stages, threads=number) as analyzer:
            made = {name: plain(analyzer.analyze(name, title=TITLE, topics=TOPICS)) for name in names}
        found[f"in-process, {number or 'all'} threads"] = made
    for number in at_once:
        with Analyzer(only=stages) as analyzer:
            requests = [Request(name, TITLE, TOPICS) for name in names]
            several = list(map(plain, analyzer.analyze_many(requests, at_once=number)))
        found[f"in-process, {number} videos at once"] = dict(zip(names, several, strict=True))
    manifest = folder / "list.jsonl"
    rows = [json.dumps({"uri": name, "title": TITLE, "topics": TOPICS}) + "\n" for name in names]
    manifest.write_text("".join(rows), encoding="utf-8")
    for name, workers, limit in jobs:
        out, config = folder / f"out {name}", folder / f"{name}.yaml"
        config.write_text(json.dumps({"long_seconds": limit, "stages": stages}))
        run_job(manifest, out, "--workers", workers, "--config", config, environment=environment)
        table = pq.read_table(out / "reports", columns=["uri", "report"]).to_pylist()
        found[name] = {row["uri"]: plain(Report.model_validate_json(row["report"])) for row in table}
    return found


def plain(report: Report) -> dict[str, Any]:
    """A report as data, without its timings."""
    data: dict[str, Any] = report.model_dump(mode="json", by_alias=True)
    for stage in data["stages"]:
        stage["seconds"] = 0
    return data


def differences(one: Any, other: Any, where: str = "") -> Iterator[str]:
    """Places in which two JSON values differ."""
    if isinstance(one, dict) and isinstance(other, dict):
        for name in sorted(one.keys() | other.keys()):
            yield from differences(one.get(name), other.get(name), f"{where}.{name}")
    elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        for number, (left, right) in enumerate(zip(one, other, strict=True)):
            yield from differences(left, right, f"{where}[{number}]")
    elif one != other:
        yield f"{where}: {str(one)[:80]} / {str(other)[:80]}"


if __name__ == "__main__":
    sys.exit(main())
