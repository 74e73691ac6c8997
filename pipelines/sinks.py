"""Where finished reports go beside the tables: the moderation feed and the graph store.

A sink is told of all reports of a fold before the fold is marked done. After a kill it may be told
again, so a sink takes the same video of the same pipeline twice without harm.
"""

from __future__ import annotations

import json

import pyarrow as pa

from pipelines.config import JobConfig
from pipelines.fold_plan import Plan
from pipelines.storage import Storage


def tell_sinks(storage: Storage, plan: Plan, reports: list[pa.Table], config: JobConfig) -> None:
    """Tell the sinks that the job has of the reports of a fold.

    Raises:
        StoreError: a sink cannot be written.
    """
    if config.feed:
        write_feed(storage, plan, reports)


def write_feed(storage: Storage, plan: Plan, reports: list[pa.Table]) -> None:
    """One JSON line a video that is not passed, in a file of the fold: told again, it is replaced."""
    lines = []
    for table in reports:
        for row in table.select(["key", "id", "uri", "decision", "priority", "hits", "report"]).to_pylist():
            if row["decision"] in (None, "pass"):
                continue
            moderation = json.loads(row["report"])["moderation"]
            event = {
                "schema": "mmu.moderation-event/1",
                "event": f"{row['id']}:{moderation['policy']}@{moderation['version']}",
                "video": row["id"],
                "uri": row["uri"],
                "moderation": moderation,
            }
            lines.append(json.dumps(event, ensure_ascii=False))
    if lines:
        data = "".join(f"{line}\n" for line in lines).encode()
        storage.write(f"feed/date={plan.date}/{plan.name}.jsonl", data)
