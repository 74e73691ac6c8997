"""Batch job: every file under a folder or fsspec prefix becomes one row of Parquet and one JSON report.

    python -m pipelines.batch --src DIR_OR_URI --out DIR_OR_URI

The same stages as `mmu.analyze` run in a pool of Ray actors. A broken file
becomes a row with outcome `failed` and its reason; it never fails the job.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mmu.errors import USER_ERRORS, ConfigError
from pipelines.listing import list_files
from pipelines.worker import ReportWriter

if TYPE_CHECKING:
    from ray.data import Dataset

#: rows of a block: small enough that a slow video does not hold many others back
ROWS_PER_BLOCK = 8


def build_parser() -> argparse.ArgumentParser:
    """The options of the job."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.batch",
        description="Analyse every file of a folder or bucket prefix on Ray; write Parquet and JSON.",
    )
    parser.add_argument(
        "--src", required=True, help="folder, file or fsspec URL (s3://…, gs://…, memory://…)"
    )
    parser.add_argument("--out", required=True, help="folder or fsspec URL for reports.parquet/ and json/")
    parser.add_argument("--glob", default="*", help="take only file names like this (default: all)")
    parser.add_argument("--profile", default="cpu", help="networks to use (default: cpu)")
    parser.add_argument(
        "--only", default="", metavar="STAGES", help="run only these stages (comma-separated)"
    )
    parser.add_argument(
        "--skip", default="", metavar="STAGES", help="leave out these stages (comma-separated)"
    )
    parser.add_argument("--workers", type=int, help="actors (default: one per CPU of the cluster)")
    parser.add_argument("--cpus-per-worker", type=int, default=1, help="CPU threads of an actor (default: 1)")
    parser.add_argument("--no-json", action="store_true", help="write Parquet only")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when all files are ok, 1 when some are not, 2 on wrong usage."""
    args = build_parser().parse_args(argv)
    try:
        counts = run(args)
    except USER_ERRORS as error:
        print(f"mmu batch: {error}", file=sys.stderr)
        return 2
    print(", ".join(f"{number} {outcome}" for outcome, number in sorted(counts.items())))
    return 0 if set(counts) <= {"ok"} else 1


def run(args: argparse.Namespace) -> Counter[str]:
    """Analyse all files and write the outputs.

    Returns:
        How many files ended with which outcome.

    Raises:
        ConfigError: nothing to read, or more CPUs asked for than the cluster has.
    """
    files = list_files(args.src, args.glob)
    if not files:
        raise ConfigError(f"no files like {args.glob!r} under {args.src}")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray
    from ray.data import SaveMode

    if not ray.is_initialized():
        ray.init(log_to_driver=False, include_dashboard=False)
    ray.data.DataContext.get_current().enable_progress_bars = sys.stderr.isatty()
    workers = _workers(args, _cluster_cpus(), len(files))
    dataset = _reports(files, args, workers)
    target = f"{args.out.rstrip('/')}/reports.parquet"
    dataset.write_parquet(target, mode=SaveMode.OVERWRITE)
    return Counter(
        row["outcome"] for row in ray.data.read_parquet(target).select_columns(["outcome"]).iter_rows()
    )


def _cluster_cpus() -> int:
    import ray

    resources: dict[str, float] = ray.cluster_resources()  # type: ignore[no-untyped-call]
    return int(resources.get("CPU", 0))


def _workers(args: argparse.Namespace, cpus: int, files: int) -> int:
    if args.cpus_per_worker < 1 or (args.workers is not None and args.workers < 1):
        raise ConfigError("--workers and --cpus-per-worker must be at least 1")
    if args.cpus_per_worker > cpus:
        raise ConfigError(
            f"--cpus-per-worker {args.cpus_per_worker} is more than the {cpus} CPUs of the cluster"
        )
    most: int = max(1, cpus // args.cpus_per_worker)
    wanted: int = args.workers or most
    return min(wanted, most, files)


def _reports(files: list[dict[str, Any]], args: argparse.Namespace, workers: int) -> Dataset:
    import ray

    options = {
        "profile": args.profile,
        "only": [name for name in args.only.replace(",", " ").split() if name] or None,
        "skip": [name for name in args.skip.replace(",", " ").split() if name],
        "threads": args.cpus_per_worker,
    }
    blocks = max(workers, -(-len(files) // ROWS_PER_BLOCK))
    # Ray builds the class in each actor; its stub knows functions only.
    writer: Any = ReportWriter
    return ray.data.from_items(files, override_num_blocks=min(blocks, len(files))).map(
        writer,
        fn_constructor_kwargs={"out": None if args.no_json else args.out, "options": options},
        compute=ray.data.ActorPoolStrategy(size=workers),
        num_cpus=args.cpus_per_worker,
    )


if __name__ == "__main__":
    sys.exit(main())
