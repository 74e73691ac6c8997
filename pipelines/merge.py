"""Merge small files of a table into one, so that a kill at any step does no harm.

1. A plan is written, which names the files and their successor;
2. the successor is written, whole or not at all;
3. the files are removed, then the plan.

Whoever comes next, a job or another compaction, ends a plan whose successor is there with step 3,
and forgets one whose successor is not. Between 2 and 3 a reader sees the rows of one merge twice.
"""

from __future__ import annotations

import io
import json
import secrets
from collections.abc import Collection, Iterator
from dataclasses import asdict, dataclass

import pyarrow as pa
import pyarrow.parquet as pq

from mmu.errors import StoreError
from pipelines.storage import Storage
from pipelines.tables import TABLES

FOLDER = "_compact"
#: rows that are held in memory while a file is written, in bytes
_BATCH = 64 * 2**20


@dataclass(frozen=True, slots=True)
class Merge:
    """Files of one table and date, in order, and the file that takes their place."""

    sources: list[str]
    target: str

    @property
    def plan(self) -> str:
        """The file that holds this plan."""
        return f"{FOLDER}/{self.target.replace('/', '~')}.json"


def end_unfinished(storage: Storage) -> None:
    """End what a killed compaction left.

    Raises:
        StoreError: a plan is not one of this program's, or a file cannot be removed.
    """
    for name in storage.names(FOLDER, ".json"):
        data = storage.read(name)
        if data is None:
            continue
        try:
            merge = Merge(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise StoreError(f"{storage.url}/{name}: not a plan of this program: {error}") from error
        if storage.exists(merge.target):
            storage.remove(merge.sources)
        storage.remove([name])


def execute(storage: Storage, merge: Merge) -> int:
    """Do one merge; its number of rows.

    Raises:
        StoreError: a file cannot be read, written or removed.
    """
    storage.write(merge.plan, json.dumps(asdict(merge)).encode())
    data, rows = _joined(storage, merge.sources)
    storage.write(merge.target, data)
    storage.remove(merge.sources)
    storage.remove([merge.plan])
    return rows


def find_merges(
    storage: Storage, date: str | None, target: int, *, leave: Collection[str] = ()
) -> Iterator[Merge]:
    """What is to be merged: files below half of `target` bytes, found table by table.

    Args:
        date: only this partition; None: all.
        leave: files that somebody is going to write again.

    Raises:
        StoreError: the tables cannot be listed or read.
    """
    for table in TABLES:
        folders: dict[str, list[tuple[str, int]]] = {}
        for name, size in sorted(storage.sizes(table, ".parquet").items()):
            folder = name.rpartition("/")[0]
            if name not in leave and (date is None or folder == f"{table}/date={date}"):
                folders.setdefault(folder, []).append((name, size))
        for folder, files in folders.items():
            # A newer dead letter replaces an older one: their order is kept. Others have none.
            for sources in _groups(storage, files, target, ordered=table == "dead_letters"):
                stamp = sources[-1].rpartition("/")[2].partition("-")[0]
                yield Merge(sources, f"{folder}/{stamp}-{secrets.token_hex(4)}.parquet")


def _groups(
    storage: Storage, files: list[tuple[str, int]], target: int, *, ordered: bool
) -> Iterator[list[str]]:
    """Small files of one schema that make up to `target` bytes together; with `ordered` only neighbours."""
    open_groups: dict[bytes, tuple[list[str], int]] = {}

    def ended(group: tuple[list[str], int]) -> Iterator[list[str]]:
        if len(group[0]) > 1:
            yield group[0]

    for name, size in files:
        kind = _kind(storage, name) if 2 * size < target else None
        if ordered:
            for other in [other for other in open_groups if other != kind]:
                yield from ended(open_groups.pop(other))
        if kind is None:
            continue
        names, total = open_groups.pop(kind, ([], 0))
        if total + size > target:
            yield from ended((names, total))
            names, total = [], 0
        open_groups[kind] = ([*names, name], total + size)
    for group in open_groups.values():
        yield from ended(group)


def _kind(storage: Storage, name: str) -> bytes:
    """What two files must share to be merged: columns, their types, and the version of the schema."""
    try:
        with storage.filesystem.open(storage.path(name), "rb") as file:
            return bytes(pq.read_schema(file).serialize())
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"{storage.url}/{name}: not a readable Parquet file: {error}") from error


def _joined(storage: Storage, names: list[str]) -> tuple[bytes, int]:
    """The rows of some files of one schema as one Parquet file, and their number."""
    sink, rows = io.BytesIO(), 0
    held: list[pa.Table] = []
    writer: pq.ParquetWriter | None = None
    for name in names:
        with _opened(storage, name) as file:
            if writer is None:
                writer = pq.ParquetWriter(sink, file.schema_arrow, compression="zstd")
            held.append(file.read())
        rows += held[-1].num_rows
        if sum(table.nbytes for table in held) >= _BATCH:
            writer.write_table(pa.concat_tables(held))
            held = []
    if writer is None:
        raise StoreError(f"{storage.url}: nothing to merge")
    if held:
        writer.write_table(pa.concat_tables(held))
    writer.close()
    return sink.getvalue(), rows


def _opened(storage: Storage, name: str) -> pq.ParquetFile:
    """A file of a table, to be closed.

    Raises:
        StoreError: it is not there or not readable.
    """
    data = storage.read(name)
    if data is None:
        raise StoreError(f"{storage.url}/{name}: is gone; does another program write there?")
    try:
        return pq.ParquetFile(io.BytesIO(data))
    except pa.ArrowException as error:
        raise StoreError(f"{storage.url}/{name}: not a readable Parquet file: {error}") from error
