"""What is known of supplied files: the SHA-256 of each at its first use, and whose terms were accepted.

`recorded.json` in the folder of supplied weights holds both. A store that cannot be written is used
all the same: its files are then read anew in every process.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.lock import locked
from models.store import sha256_of

_FILE = "recorded.json"


class Record:
    """The record of one store of supplied weights."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE

    @property
    def path(self) -> Path:
        """Where the record is kept."""
        return self._path

    def accepted(self) -> frozenset[str]:
        """Names of the terms that were accepted."""
        return frozenset(map(str, self._read().get("accepted", [])))

    def accept(self, names: Iterable[str]) -> None:
        """Remember that terms were accepted."""
        names = set(names)
        if names - self.accepted():
            self._update(lambda data: data.update(accepted=sorted({*data.get("accepted", []), *names})))

    def digest(self, path: Path) -> tuple[str, str]:
        """SHA-256 of a file now, and the one of its first use.

        The bytes are read only when size or time of change are not those of the last reading.
        """
        stat, key = path.stat(), str(path.resolve())
        mark = [stat.st_size, stat.st_mtime_ns]
        known = self._read().get("files", {}).get(key, {})
        if known.get("mark") == mark:
            return known["sha256"], known.get("first", known["sha256"])
        now = sha256_of(path)
        first = known.get("first", now)
        entry = {"mark": mark, "sha256": now, "first": first}
        self._update(lambda data: data.setdefault("files", {}).update({key: entry}))
        return now, first

    def forget(self, path: Path) -> None:
        """Let a file count as new."""
        key = str(path.resolve())
        if key in self._read().get("files", {}):
            self._update(lambda data: data["files"].pop(key, None))

    def _read(self) -> dict[str, Any]:
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}

    def _update(self, change: Any) -> None:
        with contextlib.suppress(OSError):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._path.with_suffix(".lock")):
                data = self._read()
                change(data)
                part = self._path.with_suffix(".part")
                part.write_text(json.dumps(data, indent=1, sort_keys=True), encoding="utf-8")
                part.replace(self._path)
