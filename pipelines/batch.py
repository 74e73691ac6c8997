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

import fsspec
import pyarrow as pa

from mmu.errors import USER_ERRORS, ConfigError
from mmu.perception.catalog import build_stages
from pipelines.listing import list_files
from pipelines.worker import ReportWriter

if TYPE_CHECKING:
    from ray.data import Dataset

#: rows of a block: small enough that a slow video does not hold many others back
ROWS_PER_BLOCK = 8
FAILURES_SHOWN = 20
#: one row per file
SCHEMA = pa.schema(
    {
        "uri": pa.string(),
        "id": pa.string(),
        "outcome": pa.string(),
        "error": pa.string(),
        "seconds": pa.float64(),
        "category": pa.string(),
        "tags": pa.list_(pa.string()),
        "decision": pa.string(),
        "pipeline": pa.string(),
        "report": pa.string(),
    }
)


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
    options = _options(args)
    build_stages(options["profile"], only=options["only"], skip=options["skip"])
    files = list_files(args.src, args.glob)
    _check_writable(args.out)
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


def _options(args: argparse.Namespace) -> dict[str, Any]:
    return {
        "profile": args.profile,
        "only": [name for name in args.only.replace(",", " ").split() if name] or None,
        "skip": [name for name in args.skip.replace(",", " ").split() if name],
        "threads": args.cpus_per_worker,
    }


def _check_writable(out: str) -> None:
    """Fail before the work, not after it."""
    try:
        system, path = fsspec.core.url_to_fs(out)
        system.makedirs(path, exist_ok=True)
    except (ImportError, ValueError, OSError) as error:
        raise ConfigError(f"cannot write to {out}: {error}") from error


def _typed(table: pa.Table) -> pa.Table:
    """Every part of the output has one schema, also where a column holds nothing but nulls."""
    return table.select(SCHEMA.names).cast(SCHEMA)


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

    blocks = max(workers, -(-len(files) // ROWS_PER_BLOCK))
    # Ray builds the class in each actor; its stub knows functions only.
    writer: Any = ReportWriter
    return (
        ray.data.from_items(files, override_num_blocks=min(blocks, len(files)))
        .map(
            writer,
            fn_constructor_kwargs={"out": None if args.no_json else args.out, "options": _options(args)},
            compute=ray.data.ActorPoolStrategy(size=workers),
            num_cpus=args.cpus_per_worker,
        )
        .map_batches(_typed, batch_format="pyarrow")
    )


if __name__ == "__main__":
    sys.exit(main())
