"""Try dead letters again: after a fix of the code, of a network, or of the files.

    python -m pipelines.retry --out FOLDER_OR_PREFIX [--code CODE]

A row that gives a report now moves to `reports`; one that does not stays, with its newest reason.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence

from mmu.errors import ConfigError
from pipelines.batch import add_job_options, run_cli
from pipelines.commits import batches
from pipelines.config import JobConfig
from pipelines.rows import Row
from pipelines.storage import Storage


def build_parser() -> argparse.ArgumentParser:
    """The options of a retry."""
    parser = argparse.ArgumentParser(
        prog="python -m pipelines.retry", description="Analyse the videos of the table dead_letters again."
    )
    parser.add_argument("--out", required=True, help="folder or prefix of the job's tables")
    parser.add_argument("--code", metavar="A,B", help="only dead letters with these codes (default: all)")
    add_job_options(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run the retry; exit codes as `pipelines.batch`."""
    args = build_parser().parse_args(argv)
    args.src = "dead letters"
    codes = {code for code in (args.code or "").replace(",", " ").split() if code}
    return run_cli("mmu retry", args, lambda config: dead_rows(config, codes), retry=True)


def dead_rows(config: JobConfig, codes: set[str]) -> Iterator[Row]:
    """Rows of the dead letters; those of manifests that name no video are left where they are.

    Raises:
        ConfigError: there is no dead letter with one of the codes.
    """
    storage = Storage(config.out)
    found: set[str] = set()
    for name in storage.names("dead_letters", ".parquet"):
        for batch in batches(storage, name, ["code", "row"]):
            for row in batch.to_pylist():
                found.add(row["code"])
                if row["row"] is not None and (not codes or row["code"] in codes):
                    yield Row.from_json(json.loads(row["row"]))
    if not found:
        raise ConfigError(f"no dead letters in {config.out}")
    if codes - found:
        raise ConfigError(
            f"no dead letters with {', '.join(sorted(codes - found))}; codes: {', '.join(sorted(found))}"
        )


if __name__ == "__main__":
    sys.exit(main())
