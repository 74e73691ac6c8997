"""Where finished reports go beside the tables: the moderation queue and the memory of videos.

A sink is told of all reports of a fold before the fold is marked done. After a kill it may be told
again, so both take the same video twice without harm: a queue asks a question once, the memory
replaces what it knew. Folds run on the driver's node, so that local files are where they are meant.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from mmu.report.schema import Report
from pipelines.config import JobConfig

#: tasks that are put into a queue at once
BATCH = 500


def tell_sinks(reports: list[pa.Table], config: JobConfig) -> None:
    """Tell the sinks that a job has of the reports of a fold.

    Raises:
        ConfigError, StoreError, GraphError: a sink cannot be opened or written.
    """
    if config.queue is not None:
        put_tasks(reports, config.queue)
    if config.memory is not None:
        remember(reports, Path(config.memory))


def put_tasks(reports: list[pa.Table], url: str) -> None:
    """Put what people should look at into a review queue."""
    from mmu.moderation.queue import open_queue
    from mmu.moderation.queue.from_report import task_of

    with open_queue(url) as queue:
        tasks = []
        for report in _reports(reports):
            task = task_of(report)
            if task is not None:
                tasks.append(task)
            if len(tasks) >= BATCH:
                queue.put(tasks)
                tasks = []
        if tasks:
            queue.put(tasks)


def remember(reports: list[pa.Table], folder: Path) -> None:
    """Add reports to the memory of videos."""
    from mmu.memory.memory import Memory

    with Memory(folder) as memory:
        for report in _reports(reports):
            memory.add(report)


def check_sinks(config: JobConfig) -> None:
    """Open the sinks once, so that a job fails before its work and not after it.

    Raises:
        ConfigError, StoreError, GraphError: a sink cannot be opened.
    """
    tell_sinks([], config)


def _reports(tables: list[pa.Table]) -> Iterator[Report]:
    for table in tables:
        for text in table["report"].to_pylist():
            yield Report.model_validate_json(text)
