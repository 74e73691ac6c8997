"""Merge the small files of the tables, date by date.

    python -m pipelines.compact --out FOLDER_OR_PREFIX [--date YYYY-MM-DD] [--target-mb 128] [--dry-run]

Every run of a job leaves at least one file a table; many small ones make every reader slow. Rows are
not changed, and only files of one schema are merged with each other. It may be killed at any moment
and started again (`pipelines.merge`).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from datetime import date as calendar_date

from mmu.errors import USER_ERRORS, ConfigError
from pipelines.fold import load_plans
from pipelines.lease import Lease
from pipelines.merge import FOLDER, end_unfinished, execute, find_merges
from pipelines.storage import Storage
from pipelines.tables import TABLES


def build_parser() -> argparse.ArgumentParser:
    """The options of a compaction."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.compact", description="Merge the small files of a job's tables."
    )
    parser.add_argument("--out", required=True, help="folder or prefix of the job's tables")
    parser.add_argument("--date", metavar="YYYY-MM-DD", help="only this partition (default: all)")
    parser.add_argument(
        "--target-mb", type=float, default=128.0, help="size to aim at; half of it is large enough (128)"
    )
    parser.add_argument("--dry-run", action="store_true", help="say what would be merged")
    parser.add_argument("--takeover", action="store_true", help="write although a job seems to")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the compaction; 0, or 2 on wrong usage or outputs that cannot be read or written."""
    args = build_parser().parse_args(argv)
    try:
        if args.date is not None and not _is_date(args.date):
            raise ConfigError(f"--date {args.date}: expected a date as YYYY-MM-DD")
        if not 0.001 <= args.target_mb <= 4096:
            raise ConfigError(f"--target-mb {args.target_mb:g} is outside the allowed range 0.001 to 4096")
        compact(
            args.out,
            date=args.date,
            target=int(args.target_mb * 2**20),
            dry=args.dry_run,
            takeover=args.takeover,
        )
    except USER_ERRORS as error:
        print(f"mmu compact: {error}", file=sys.stderr)
        return 2
    return 0


def compact(out: str, *, date: str | None, target: int, dry: bool = False, takeover: bool = False) -> None:
    """Merge the files of all tables that are smaller than half of `target` bytes.

    Raises:
        ConfigError: nothing is there, or a job writes there.
        StoreError: a file cannot be read, written or removed.
    """
    storage = Storage(out)
    if not any(storage.names(table, ".parquet") for table in TABLES):
        raise ConfigError(f"no tables in {storage.url}")
    if dry:
        for merge in find_merges(storage, date, target, leave=_unfinished(storage)):
            print(f"{merge.target.rpartition('/')[0]}: {len(merge.sources)} files would become one")
        return
    with Lease(storage, takeover=takeover) as lease:
        storage.sweep(FOLDER, *TABLES)
        end_unfinished(storage)
        merged = files = 0
        for merge in find_merges(storage, date, target, leave=_unfinished(storage)):
            rows = execute(storage, merge)
            print(f"{merge.target}: {len(merge.sources)} files, {rows} rows")
            merged, files = merged + 1, files + len(merge.sources)
            lease.renew()
    print(f"{files} files became {merged}" if files else "nothing to merge")


def _is_date(text: str) -> bool:
    try:
        return calendar_date.fromisoformat(text).isoformat() == text
    except ValueError:
        return False


def _unfinished(storage: Storage) -> set[str]:
    """Files of folds that were killed: the next job writes them again."""
    plans, _ = load_plans(storage)
    return {plan.target(table) for plan in plans for table in TABLES}


if __name__ == "__main__":
    sys.exit(main())
