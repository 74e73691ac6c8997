"""The index of originals on disk: fingerprints in SQLite, look-up tables beside them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np

from kg.sqlite import transaction
from mmu.errors import ConfigError, StoreError
from mmu.originals.candidates import asked, listed, ranked
from mmu.originals.fingerprint import BYTES, Fingerprint
from mmu.originals.match import COPY, Copy, find_copy
from mmu.originals.segments import TABLE, Segments
from mmu.perception.hashing import ALGORITHM, VARIANTS
from models.store import default_root

_FORMAT = f"1 {ALGORITHM}"
_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE video (id INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL UNIQUE, "
    "name TEXT NOT NULL, duration REAL NOT NULL, views TEXT NOT NULL, times BLOB NOT NULL, "
    "hashes BLOB NOT NULL, keys BLOB NOT NULL)",
    "CREATE INDEX video_name ON video (name)",
    TABLE,
)
#: videos that are compared closely
_CLOSELY = 16
_COMMON = ("same", "mirrored")


@dataclass(frozen=True, slots=True)
class Found:
    """One original that a video copies."""

    name: str
    sha256: str
    copy: Copy
    #: seconds of the original that appear in the video, over its length
    share_original: float
    #: seconds of the video that come from the original, over its length
    share: float

    @property
    def kind(self) -> Literal["whole", "part"]:
        return "whole" if min(self.share, self.share_original) >= 0.8 else "part"


class Originals:
    """Known videos on disk; a context manager. 100,000 videos answer within a second.

    Args:
        folder: where the index lives, made when it is missing (default: `originals` in the
            user's store).
        create: make the folder when it is missing.

    Raises:
        StoreError: the index cannot be opened, or was written by another version.
    """

    def __init__(self, folder: Path | None = None, *, create: bool = True) -> None:
        self.folder = folder or default_index()
        file = self.folder / "originals.sqlite"
        if not create and not file.is_file():
            raise StoreError(f"no index at {self.folder}: add videos with `mmu originals add FILE`")
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, timeout=60.0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot open the index {self.folder}: {error}") from error
        with self._errors():
            with transaction(self._db):
                if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _TABLES:
                        self._db.execute(statement)
                    self._db.execute("INSERT INTO meta VALUES ('format', ?)", (_FORMAT,))
            row = self._db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        if row is None or row[0] != _FORMAT:
            was = row[0] if row else "none"
            raise StoreError(
                f"the index {self.folder} has format {was!r}, not {_FORMAT!r}: add the videos again"
            )
        self._segments = Segments(self._db, self.folder)

    def __len__(self) -> int:
        with self._errors():
            return int(self._db.execute("SELECT count(*) FROM video").fetchone()[0])

    def listed(self) -> int:
        """Hashes in the look-up tables and waiting to be."""
        with self._errors():
            (size,) = self._db.execute("SELECT coalesce(sum(length(keys)), 0) FROM video").fetchone()
        return int(size) // BYTES

    def add(self, fingerprint: Fingerprint, *, name: str = "") -> bool:
        """Add one original; False when these bytes are there already.

        Args:
            fingerprint: from `fingerprint_file(original=True)`, or from a report.
            name: to show; the fingerprint's path or URL by default.

        Raises:
            ConfigError: it has no hashes: an empty picture, or sound alone.
        """
        return self.add_many([(fingerprint, name or fingerprint.uri)]) == 1

    def add_many(self, originals: Sequence[tuple[Fingerprint, str]]) -> int:
        """Add several (fingerprint, name) in one transaction; returns how many were new."""
        added = 0
        with self._errors(), transaction(self._db):
            for one, name in originals:
                if not len(one.times):
                    raise ConfigError(f"{name} has no frame to go by: it is empty, or sound alone")
                views = list(one.views)
                hashes = np.concatenate([one.hashes, *(one.views[view] for view in views)])
                row = (one.sha256, name, one.duration, json.dumps(views))
                blobs = (one.times.astype("<f4").tobytes(), hashes.tobytes(), listed(one).tobytes())
                added += self._db.execute(
                    "INSERT OR IGNORE INTO video (sha256, name, duration, views, times, hashes, keys) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*row, *blobs),
                ).rowcount
            replaced = self._segments.flush()
        self._segments.discard(replaced)
        return added

    def names(self) -> list[tuple[str, str, float]]:
        """Name, SHA-256 and seconds of every original, in the order they were added."""
        with self._errors():
            return self._db.execute("SELECT name, sha256, duration FROM video ORDER BY id").fetchall()

    def remove(self, name: str) -> int:
        """Delete originals by name or SHA-256, from the tables too; returns how many.

        Raises:
            StoreError: there is none.
        """
        with self._errors():
            rows = self._db.execute(
                "SELECT id FROM video WHERE name = ? OR sha256 = ?", (name, name)
            ).fetchall()
            if not rows:
                raise StoreError(f"{name!r} is not in {self.folder}; see `mmu originals list`")
            replaced: list[int] = []
            with transaction(self._db):
                for (video,) in rows:
                    self._db.execute("DELETE FROM video WHERE id = ?", (video,))
                    replaced += self._segments.rebuild(video)
            self._segments.discard(replaced)
        return len(rows)

    def check(self, query: Fingerprint, *, limit: int = 5) -> list[Found]:
        """Originals that a video copies, best first; none = nothing like it is known.

        Args:
            query: from `fingerprint_file(original=False)`, or from a report.
            limit: originals to report at most.
        """
        out = self._look(query, _COMMON) or self._look(query, tuple(set(VARIANTS) - set(_COMMON)))
        return sorted(out, key=lambda one: (-one.copy.score, one.name))[:limit]

    def _look(self, query: Fingerprint, turned: Sequence[str]) -> list[Found]:
        hashes = asked(query, turned)
        if not len(hashes):
            return []
        with self._errors():
            likely = ranked(self._segments.search(hashes))
        out = []
        for owner in likely[:_CLOSELY]:
            stored = self._load(owner)
            if stored is None:
                continue
            copy = find_copy(query, stored, turned=turned)
            if copy.score >= COPY:
                out.append(_found(query, stored, copy))
        return out

    def _load(self, owner: int) -> Fingerprint | None:
        with self._errors():
            row = self._db.execute(
                "SELECT sha256, name, duration, views, times, hashes FROM video WHERE id = ?", (owner,)
            ).fetchone()
        if row is None:
            return None
        sha256, name, duration, views, times, hashes = row
        at = np.frombuffer(times, "<f4").astype(np.float32)
        parts = np.frombuffer(hashes, np.uint8).reshape(-1, len(at), BYTES)
        named = dict(zip(json.loads(views), parts[1:], strict=True))
        return Fingerprint(sha256, name, duration, at, parts[0], named)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the index {self.folder} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the files."""
        self._segments.close()
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def default_index() -> Path:
    """`originals` under `$MMU_HOME` or the platform's data folder."""
    return default_root() / "originals"


def _found(query: Fingerprint, original: Fingerprint, copy: Copy) -> Found:
    there = sum(span.original_end - span.original_start for span in copy.spans)
    # frames are hashed at intervals: a span ends up to one of them too early
    return Found(
        original.uri,
        original.sha256,
        copy,
        share_original=_share(there, float(np.ptp(original.times))),
        share=_share(copy.seconds, float(np.ptp(query.times))),
    )


def _share(seconds: float, whole: float) -> float:
    return 1.0 if whole <= 0.0 else min(1.0, seconds / whole)
