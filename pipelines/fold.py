"""Fold parts into the tables, exactly once.

A fold follows a plan, a small JSON file under `_plans/` that says which parts go into which files,
without which rows. The order of the steps makes a kill at any point harmless:

1. the plan is written;
2. the files of the tables are written, whole, with names that the plan gives: doing it again
   replaces them by the same rows;
3. the plan's `.done` mark is written;
4. the parts are removed, then the plan and its mark.

A job that starts does unfinished plans first: from step 2, or with the mark from step 4.
"""

from __future__ import annotations

import json

import pyarrow as pa
import pyarrow.compute as pc

from mmu.errors import StoreError
from pipelines.config import JobConfig
from pipelines.fold_plan import FOLDER, Plan
from pipelines.parts import read_part, to_parquet
from pipelines.sinks import tell_sinks
from pipelines.storage import Storage
from pipelines.tables import DEAD_LETTERS, EMBEDDINGS, REPORTS, SIGNALS, TABLES, conform


def load_plans(storage: Storage) -> tuple[list[Plan], list[Plan]]:
    """Plans of a killed job: those to be done, and those that only have to be cleaned up."""
    names = storage.names(FOLDER)
    marks = {name.removesuffix(".done") for name in names if name.endswith(".done")}
    todo: list[Plan] = []
    done: list[Plan] = []
    for name in names:
        if not name.endswith(".json"):
            continue
        data = storage.read(name)
        if data is None:
            continue
        try:
            plan = Plan(**json.loads(data))
        except (ValueError, TypeError) as error:
            raise StoreError(f"{storage.url}/{name}: not a plan of this program: {error}") from error
        (done if name.removesuffix(".json") in marks else todo).append(plan)
    stray = [
        name for name in names if name.endswith(".done") and f"{name.removesuffix('.done')}.json" not in names
    ]
    storage.remove(stray)
    return todo, done


def execute(storage: Storage, plan: Plan, config: JobConfig) -> None:
    """Steps 2 to 4 of a plan; sinks are told between 2 and 3.

    Raises:
        StoreError: a part of the plan is missing or unreadable, or a file cannot be written.
    """
    pieces: dict[str, list[pa.Table]] = {name: [] for name in TABLES}
    for name in plan.parts:
        part = read_part(storage, name)
        if part is None:
            raise StoreError(f"{storage.url}/{name}: is named by a plan and missing")
        drop = plan.drop.get(name)
        if drop:
            part = part.filter(pc.invert(pc.is_in(part["key"], pa.array(drop, pa.string()))))
        try:
            tables = split(part)
        except StoreError as error:
            raise StoreError(f"{storage.url}/{name}: {error}") from error
        for table, rows in tables.items():
            if rows.num_rows:
                pieces[table].append(rows)
    # Reports come last: a video that is in `reports` has its signals.
    for table in ("embeddings", "signals", "dead_letters", "reports"):
        if pieces[table]:
            storage.write(plan.target(table), to_parquet(pa.concat_tables(pieces[table])))
    tell_sinks(pieces["reports"], config)
    storage.write(f"{FOLDER}/{plan.name}.done", b"")
    clean(storage, plan)


def clean(storage: Storage, plan: Plan) -> None:
    """Step 4 of a plan."""
    storage.remove(plan.parts)
    storage.remove([f"{FOLDER}/{plan.name}.json", f"{FOLDER}/{plan.name}.done"])


def split(part: pa.Table) -> dict[str, pa.Table]:
    """The rows of a part, table by table.

    Raises:
        StoreError: the part was written by a newer version of this program.
    """
    dead = pc.fill_null(part["dead"], False)
    living = part.filter(pc.invert(dead))
    return {
        "reports": conform(living, REPORTS),
        "dead_letters": conform(part.filter(dead), DEAD_LETTERS),
        "signals": _exploded(living, "signals", SIGNALS),
        "embeddings": _exploded(living, "embeddings", EMBEDDINGS),
    }


def _exploded(part: pa.Table, column: str, schema: pa.Schema) -> pa.Table:
    """One row for each element of a list column, beside the columns that identify its video."""
    lists = part[column].combine_chunks()
    if isinstance(lists, pa.ChunkedArray):
        lists = pa.concat_arrays(lists.chunks) if lists.num_chunks else pa.array([], lists.type)
    parents = pc.list_parent_indices(lists)
    items = pc.list_flatten(lists)
    inner = {field.name for field in items.type}
    shared = [name for name in schema.names if name in part.column_names and name not in inner]
    columns = {name: part[name].take(parents) for name in shared}
    columns |= {name: pc.struct_field(items, name) for name in schema.names if name in inner}
    return conform(part, schema, columns)
