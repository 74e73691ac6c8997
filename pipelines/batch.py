"""Batch job: every video of a source becomes one row of Parquet tables.

    python -m pipelines.batch --src SOURCE --out FOLDER_OR_PREFIX

The same stages as `mmu.analyze` run in a pool of Ray actors. A job that was
killed and is started again does what is missing, and no row is there twice. A
video that gives no report becomes a row of `dead_letters` with its reason.
"""

from __future__ import annotations

import argparse
import logging
import os
import sys
import traceback
from collections.abc import Iterable, Sequence
from typing import Any

from mmu.errors import USER_ERRORS, ConfigError
from mmu.perception.catalog import build_stages
from pipelines.commits import Commits
from pipelines.config import JobConfig, load_config
from pipelines.driver import Driver, wait_for_pipeline
from pipelines.jobreport import write_job_report
from pipelines.lease import Lease
from pipelines.ledger import Ledger
from pipelines.manifest import is_manifest, read_source
from pipelines.monitor import Monitor
from pipelines.pool import Pool
from pipelines.progress import Progress
from pipelines.rows import BadRow, Row
from pipelines.sinks import check_sinks
from pipelines.storage import Storage
from pipelines.watch import watch_cluster


def build_parser() -> argparse.ArgumentParser:
    """The options of the job."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.batch",
        description="Analyse every video of a folder, bucket prefix, glob or manifest on Ray.",
    )
    parser.add_argument(
        "--src", help="folder, file, glob or fsspec URL (s3://…), or a manifest .parquet .csv .tsv .jsonl"
    )
    parser.add_argument("--out", help="folder or fsspec URL for the tables")
    parser.add_argument("--glob", metavar="NAME", help="take only file names like this (default: all)")
    add_job_options(parser)
    return parser


def add_job_options(parser: argparse.ArgumentParser) -> None:
    """Options that a first run and a retry share."""
    parser.add_argument("--config", metavar="FILE", help="YAML file with these and more options")
    parser.add_argument("--profile", help="networks to use: cpu or gpu (default: cpu)")
    parser.add_argument(
        "--networks", metavar="FILE", help="YAML file that gives stages to other networks (docs/weights.md)"
    )
    parser.add_argument(
        "--stages", "--only", type=_names, metavar="A,B", help="run only these stages and what they need"
    )
    parser.add_argument("--skip", type=_names, metavar="A,B", help="leave out these stages")
    parser.add_argument("--workers", type=int, help="most actors (default: what the cluster holds)")
    parser.add_argument("--min-workers", type=int, help="fewest actors of an elastic pool (default: fixed)")
    parser.add_argument(
        "--cpus", "--cpus-per-worker", type=float, help="CPUs and threads of an actor (default: 1)"
    )
    parser.add_argument("--gpus", type=float, help="GPUs of an actor (default: what its stages cost)")
    parser.add_argument("--memory-mb", type=int, help="memory reserved for an actor")
    parser.add_argument(
        "--videos-at-once", type=int, metavar="N", help="videos that an actor analyses at once (default: 1)"
    )
    parser.add_argument("--long-seconds", type=float, help="share longer videos among workers (default: 600)")
    parser.add_argument("--video-seconds", type=float, help="longest time for one video (default: 3600)")
    parser.add_argument(
        "--json-reports", action="store_true", default=None, help="also write json/ID-URI.json"
    )
    parser.add_argument(
        "--queue", metavar="URL", help="put videos to be reviewed into this queue (mmu queue)"
    )
    parser.add_argument("--memory", metavar="FOLDER", help="add videos to this memory (mmu kg)")
    parser.add_argument(
        "--embeddings", action="store_true", default=None, help="also write embeddings (biometric data)"
    )
    parser.add_argument("--metrics-port", type=int, help="serve Prometheus metrics on this port")
    parser.add_argument("--takeover", action="store_true", help="write although another job seems to")
    parser.add_argument("--quiet", action="store_true", help="no progress on standard error")


def main(argv: Sequence[str] | None = None) -> int:
    """Run the job; 0 when all videos are ok, 1 when some are not, 2 on wrong usage."""
    return run_cli(
        "mmu batch", build_parser().parse_args(argv), lambda config: read_source(config.src, config.glob)
    )


def run_cli(name: str, args: argparse.Namespace, read: Any, *, retry: bool = False) -> int:
    """Run a job from its arguments; prints a summary or the one-line error."""
    try:
        config = load_config(args.config, _overrides(args))
        return run(config, read(config), takeover=args.takeover, quiet=args.quiet, retry=retry)
    except USER_ERRORS as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except Exception:  # ours, or Ray's: not the videos', which exit code 1 would say
        traceback.print_exc()
        print(f"{name}: ended by an unexpected error; the same command goes on from here", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command goes on from here", file=sys.stderr)
        return 130


def run(
    config: JobConfig,
    source: Iterable[Row | BadRow],
    *,
    takeover: bool = False,
    quiet: bool = False,
    retry: bool = False,
) -> int:
    """Do every row of the source that is not finished, and write the tables.

    Returns:
        0 when every video is `ok`, 1 when one is `partial` or a dead letter, now or before.

    Raises:
        ConfigError: wrong options, nothing to read, or a cluster that cannot hold a worker.
        ModelError: weights are missing.
        StoreError: the outputs cannot be read or written.
    """
    from pipelines.commits import mark_dead_letters, mark_reports

    build_stages(config.profile, only=config.stages, skip=config.skip, config=config.networks)
    source = _peeked(source, config)
    storage = Storage(config.out)
    storage.check_writable()
    check_sinks(config)
    _start_ray()
    progress = Progress()
    with (
        Lease(storage, takeover=takeover) as lease,
        Ledger() as ledger,
        Monitor(progress, port=config.metrics_port, quiet=quiet) as monitor,
    ):
        pool = Pool(config, monitor.say)
        watching = watch_cluster()
        try:
            pipeline = wait_for_pipeline(pool, monitor.tick)
            commits = Commits(storage, ledger, config)
            before = commits.recover(pipeline, retry=retry)
            if before:
                monitor.say(f"{before} rows are finished already")
            driver = Driver(config, pool, commits, progress, tick=monitor.tick, lease=lease)
            driver.run(source)
        finally:
            watching.set()
            pool.close()
        if retry:
            with Ledger() as again:
                mark_reports(storage, again, pipeline)
                commits.dead = mark_dead_letters(storage, again, pipeline, any_pipeline=True)
        write_job_report(storage, config, pipeline, progress)
    numbers = progress.numbers
    print(_summary(progress, commits.dead, config))
    if numbers.done != numbers.new:
        print(f"mmu batch: {numbers.new} rows were to be done, {numbers.done} are", file=sys.stderr)
        return 1
    return 0 if set(numbers.outcomes) <= {"ok"} and not commits.dead else 1


def _summary(progress: Progress, dead: int, config: JobConfig) -> str:
    numbers = progress.numbers
    parts = [f"{number} {outcome}" for outcome, number in sorted(numbers.outcomes.items())]
    if numbers.before:
        parts.append(f"{numbers.before} finished before" + (f" ({dead} dead)" if dead else ""))
    if numbers.duplicates:
        parts.append(f"{numbers.duplicates} named twice")
    return f"{', '.join(parts) or 'nothing to do'}; tables in {config.out}"


def _peeked(source: Iterable[Row | BadRow], config: JobConfig) -> Iterable[Row | BadRow]:
    """The source, of which the first row was read: a wrong one is found before Ray is started."""
    if not is_manifest(config.src) and f"{config.out.rstrip('/')}/".startswith(f"{config.src.rstrip('/')}/"):
        raise ConfigError(f"--out {config.out} lies inside --src: its tables would be taken for videos")
    rows = iter(source)
    first = next(rows, None)
    if first is None:
        raise ConfigError(f"no files like {config.glob!r} under {config.src}")

    def chained() -> Iterable[Row | BadRow]:
        yield first
        yield from rows

    return chained()


def _start_ray() -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    import ray

    if not ray.is_initialized():
        # A running cluster by $RAY_ADDRESS (`ray job submit` sets it), else one of this process.
        ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR)


def _overrides(args: argparse.Namespace) -> dict[str, Any]:
    return {name: value for name, value in vars(args).items() if name in JobConfig.model_fields}


def _names(text: str) -> list[str]:
    return [name for name in text.replace(",", " ").split() if name]


if __name__ == "__main__":
    sys.exit(main())
