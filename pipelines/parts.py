"""Parts: the log of a job.

A worker ends a task by writing one part, a small Parquet file under `_log/` that holds all its rows.
Writing it is the commit of those rows: it is there whole or not at all. Tables are made of parts by
`pipelines.fold`.
"""

from __future__ import annotations

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from mmu.errors import StoreError
from pipelines.storage import Storage
from pipelines.tables import PART

FOLDER = "_log"


def part_name(task: str) -> str:
    """Where the part of a task lies."""
    return f"{FOLDER}/{task}.parquet"


def write_part(storage: Storage, task: str, rows: list[dict[str, Any]]) -> int:
    """Write the part of a task; returns its size in bytes.

    Raises:
        StoreError: it cannot be written.
    """
    data = to_parquet(pa.Table.from_pylist(rows, schema=PART))
    storage.write(part_name(task), data)
    return len(data)


def read_part(storage: Storage, name: str, columns: list[str] | None = None) -> pa.Table | None:
    """The rows of a part; None when it is not there.

    Raises:
        StoreError: it cannot be read.
    """
    data = storage.read(name)
    if data is None:
        return None
    try:
        return pq.read_table(io.BytesIO(data), columns=columns)
    except pa.ArrowException as error:
        raise StoreError(f"{storage.url}/{name}: not a readable Parquet file: {error}") from error


def to_parquet(table: pa.Table) -> bytes:
    """A table as the bytes of a Parquet file."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()
