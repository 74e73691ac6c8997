"""The page at the end of a job."""

from __future__ import annotations

import json

from pipelines.config import JobConfig
from pipelines.progress import Progress
from pipelines.storage import Storage


def write_job_report(storage: Storage, config: JobConfig, pipeline: str, progress: Progress) -> None:
    """Write `job/summary.json`."""
    storage.write("job/summary.json", json.dumps(progress.summary(), ensure_ascii=False, indent=2).encode())
