"""The plan of a fold."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field

from pipelines.storage import Storage

FOLDER = "_plans"


@dataclass(slots=True)
class Plan:
    """Which parts become which files."""

    name: str
    #: date of the partition, YYYY-MM-DD
    date: str
    #: names of parts, in order
    parts: list[str] = field(default_factory=list)
    #: part -> keys of rows that other parts hold already
    drop: dict[str, list[str]] = field(default_factory=dict)

    def target(self, table: str) -> str:
        """The file of a table that this plan writes."""
        return f"{table}/date={self.date}/{self.name}.parquet"

    def save(self, storage: Storage) -> None:
        storage.write(f"{FOLDER}/{self.name}.json", json.dumps(asdict(self)).encode())
