"""Compare the networks that can run one stage: how right, how fast, how large.

    python -m benchmarks.models speech --corpus DIR --with default --with turbo.yaml [--costs FILE]

Each `--with` is a configuration as `mmu tag --config` takes it, or `default` for the cpu profile. Every one
runs in a process of its own: the stage and what it needs, over the files of the tasks that judge it.
`--costs` writes what `python -m pipelines.plan --costs` reads; `--at-once 2,4,8` also measures what a video
takes of its seconds alone when so many are analysed at once.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.accuracy import SCORERS, default_corpus
from benchmarks.at_once import read_counts, shares
from benchmarks.measure import Measured, measure
from benchmarks.reports import Reports
from benchmarks.truth import read_corpus
from mmu.errors import USER_ERRORS, ConfigError
from models.onnx_place import gpu_of

#: stage -> the tasks that say how right it is
TASKS: dict[str, tuple[str, ...]] = {
    "labels": ("tags",),
    "objects": ("objects",),
    "faces": ("faces", "face_pair"),
    "text": ("ocr", "text_regions"),
    "speech": ("asr", "language"),
    "sound": ("audio_event", "audio_class"),
    "vocal_emotion": ("speech_emotion",),
    "actions": ("tags",),
    "shots": ("shots",),
    "explicit": ("moderation",),
    "music": ("tempo", "key"),
}
DEFAULT = "default"


def build_parser() -> argparse.ArgumentParser:
    """The options of the comparison."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.models",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("stage", metavar="STAGE", help=f"one of {', '.join(TASKS)}")
    parser.add_argument(
        "--corpus", type=Path, default=default_corpus(), help="folder with truth.jsonl ($MMU_CORPUS)"
    )
    parser.add_argument(
        "--with", dest="configs", action="append", metavar="FILE", help=f"configuration, or {DEFAULT!r}"
    )
    parser.add_argument("--task", dest="tasks", action="append", metavar="TASK", help="judge by this task")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N cases a task")
    parser.add_argument("--json", type=Path, metavar="OUT", help="also write the table as JSON")
    parser.add_argument("--costs", type=Path, metavar="FILE", help="write costs for the planner")
    parser.add_argument("--at-once", default="", metavar="N,M", help="also measure so many videos at once")
    parser.add_argument("--one", metavar="FILE", help=argparse.SUPPRESS)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison; 0 when every network could be judged, 2 on wrong usage."""
    args = build_parser().parse_args(argv)
    try:
        if args.one:
            print(json.dumps(run_one(args)))
            return 0
        rows = compare(args)
        if args.json:
            args.json.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
        if args.costs:
            write_costs(args.stage, rows, args.costs)
    except USER_ERRORS as error:
        print(f"models: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        print(f"models: cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return 2
    print(table(rows))
    return 0


def compare(args: argparse.Namespace) -> list[dict[str, Any]]:
    """One row a configuration: metrics, seconds and memory.

    Raises:
        ConfigError: an unknown stage or task, no corpus, a configuration that does not run.
    """
    _tasks(args)
    if args.corpus is None:
        raise ConfigError("name the corpus with --corpus DIR or $MMU_CORPUS")
    if args.limit is not None and args.limit < 1:
        raise ConfigError(f"--limit must be at least 1, not {args.limit}")
    read_counts(args.at_once)
    common = [args.stage, "--corpus", str(args.corpus), "--at-once", args.at_once]
    common += [part for task in args.tasks or () for part in ("--task", task)]
    common += ["--limit", str(args.limit)] if args.limit else []
    rows = []
    for config in args.configs or [DEFAULT]:
        try:
            found: Measured = measure("benchmarks.models", *common, "--one", config)
        except RuntimeError as error:
            raise ConfigError(f"{config}: {error}") from error
        rows.append({"config": config, "peak_mb": round(found.peak_mb), **found.result})
    return rows


def run_one(args: argparse.Namespace) -> dict[str, Any]:
    """What one configuration gives, in this process."""
    from mmu.analyzer import Analyzer
    from mmu.networks import load_networks

    corpus = read_corpus(args.corpus)
    tasks = [task for task in _tasks(args) if corpus.of(task)]
    if not tasks:
        raise ConfigError(f"{args.corpus} has no case of {', '.join(_tasks(args))}")
    networks = load_networks(None if args.one == DEFAULT else args.one)
    choice = networks.stages.get(args.stage, DEFAULT)
    # One thread: stages run one after the other, and nobody else's work is in a stage's time.
    with Analyzer(config=networks, only=[args.stage], embeddings=True, threads=1) as analyzer:
        reports = Reports(args.corpus, analyzer=analyzer)
        metrics = [one for task in tasks for one in SCORERS[task](corpus, reports, args.limit)]
        ran = [
            (report, stage)
            for report in reports.known
            for stage in report.stages
            if stage.name == args.stage and report.media is not None and stage.outcome == "ok"
        ]
    if not ran:
        raise ConfigError(f"stage {args.stage} ran through on none of the files")
    runs = [(report.media.duration, stage.seconds) for report, stage in ran if report.media is not None]
    device = _device(choice, [note for _, stage in ran for note in stage.notes], networks.device)
    files = [Path(report.uri) for report, _ in ran]
    found = shares(args.stage, networks, files, read_counts(args.at_once), gpu=device != "cpu")
    fixed, per_second = line(runs)
    return {
        "network": f"{choice['adapter']}:{choice['model']}" if isinstance(choice, dict) else DEFAULT,
        "device": device,
        "metrics": {one.metric: one.value for one in metrics},
        "cases": {one.metric: one.cases for one in metrics},
        "files": len(runs),
        "load_s": round(max(0.0, runs[0][1] - fixed - per_second * runs[0][0]), 2),
        "fixed_s": round(fixed, 4),
        "per_second_s": round(per_second, 5),
        "at_once": {str(count): share for count, share in found.items()},
        "ms_per_second": round(1000 * sum(s for _, s in runs) / max(1e-6, sum(d for d, _ in runs)), 2),
        "gpu_mb": _gpu_mb(),
    }


def line(runs: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """`fixed + per_second x duration` through (duration, seconds), neither part below zero.

    The first run loads the network: it is left out where there are others.
    """
    points = np.array(runs[1:] if len(runs) > 2 else runs, np.float64)
    duration, seconds = points[:, 0], points[:, 1]
    if np.ptp(duration) < 1.0:
        return 0.0, float(seconds.sum() / max(1e-6, duration.sum()))
    slope, fixed = np.polyfit(duration, seconds, 1)
    if slope < 0:
        return float(seconds.mean()), 0.0
    if fixed < 0:
        return 0.0, float((seconds * duration).sum() / (duration**2).sum())
    return float(fixed), float(slope)


def write_costs(stage: str, rows: Sequence[dict[str, Any]], path: Path) -> None:
    """Costs of the gpu profile: the shipped ones of the cpu profile with this stage's last row in them.

    A file that is there already keeps what it says of other stages, so that one stage after another can
    be measured into it. A stage on a GPU is taken to hold the GPU and a core for all of its time.
    """
    from pipelines.costs import StageCost, load_costs
    from pipelines.costs import write_costs as write

    row = rows[-1]
    base = load_costs(path, "gpu") if path.is_file() else load_costs(None, "cpu")
    spent = {"fixed": row["fixed_s"], "per_second": row["per_second_s"]}
    if row["device"] != "cpu":
        spent |= {f"gpu_{name}": value for name, value in spent.items()}
    at_once = {int(count): share for count, share in row.get("at_once", {}).items()}
    costs = base.model_copy(
        update={
            "profile": "gpu",
            "hardware": f"{base.hardware}; {stage} by {row['network']} on {row['device']}",
            "worker_mb": max(base.worker_mb, int(row["peak_mb"])),
            "stages": {**base.stages, stage: StageCost(**spent, at_once=at_once)},
        }
    )
    write(costs, path)


def table(rows: Sequence[dict[str, Any]]) -> str:
    """The comparison as a Markdown table."""
    names = list(dict.fromkeys(name for row in rows for name in row["metrics"]))
    heads = ["network", "device", *names, "ms per s", "load s", "peak MB", "GPU MB"]
    lines = ["| " + " | ".join(heads) + " |", "|" + "---|" * len(heads)]
    for row in rows:
        values = [row["metrics"].get(name) for name in names]
        cells = [
            row["network"],
            row["device"],
            *("–" if value is None else f"{value:.3f}" for value in values),
            f"{row['ms_per_second']:.1f}",
            f"{row['load_s']:.1f}",
            str(row["peak_mb"]),
            "–" if row["gpu_mb"] is None else str(row["gpu_mb"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    counts = ", ".join(f"{name} {rows[0]['cases'].get(name, 0)}" for name in names)
    several = [
        f"{row['network']}, share of its seconds alone that each of several videos at once takes: "
        + ", ".join(f"{count} at once {share:g}" for count, share in row["at_once"].items())
        for row in rows
        if row["at_once"]
    ]
    return "\n".join([*lines, "", *several, f"Cases: {counts}; files: {rows[0]['files']}."])


def _tasks(args: argparse.Namespace) -> list[str]:
    if args.tasks:
        if unknown := sorted(set(args.tasks) - SCORERS.keys()):
            raise ConfigError(f"unknown task {', '.join(unknown)}; tasks: {', '.join(SCORERS)}")
        return list(args.tasks)
    if args.stage not in TASKS:
        raise ConfigError(
            f"no task is known to judge stage {args.stage!r}: name one with --task; "
            f"stages: {', '.join(TASKS)}"
        )
    return list(TASKS[args.stage])


def _device(choice: Any, notes: Sequence[str], wanted: str) -> str:
    """Where the stage's network worked: of torch, of ONNX Runtime, of CTranslate2."""
    if place := gpu_of(notes):
        return place
    if isinstance(choice, dict) and choice["adapter"] == "faster-whisper":
        from mmu.perception.adapted.speech import place as of

        return of(str(choice.get("device", wanted)))[0]
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available() and torch.cuda.max_memory_allocated():
        return str(torch.cuda.get_device_name())
    return "cpu"


def _gpu_mb() -> int | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    return round(int(torch.cuda.max_memory_allocated()) / 1e6)


if __name__ == "__main__":
    sys.exit(main())
