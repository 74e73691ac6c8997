"""The index of originals on disk: fingerprints in SQLite, look-up tables beside them."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Self

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError, StoreError
from mmu.originals.bands import LIMIT, Bands, Hits, build, scan
from mmu.originals.fingerprint import BARS, BYTES, Fingerprint
from mmu.originals.match import COPY, Copy, find_copy
from mmu.perception.hashing import ALGORITHM, VARIANTS, variants
from models.store import default_root

_FORMAT = f"1 {ALGORITHM}"
_TABLES = (
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    "CREATE TABLE video (id INTEGER PRIMARY KEY AUTOINCREMENT, sha256 TEXT NOT NULL UNIQUE, "
    "name TEXT NOT NULL, duration REAL NOT NULL, views TEXT NOT NULL, times BLOB NOT NULL, "
    "hashes BLOB NOT NULL, keys BLOB NOT NULL)",
    "CREATE INDEX video_name ON video (name)",
)
#: seconds between two hashes in the look-up tables, by view; the corners are like each other
_EVERY = {"": 1.5, BARS: 3.0, "centre": 3.0}
_EVERY_CORNER = 6.0
#: hashes that may wait outside the tables, and as a share of those inside
_WAITING, _WAITING_SHARE = 20_000, 0.25
#: hashes of a video that are looked up
_ASKED = (24, 160)
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
            with self._writing():
                if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _TABLES:
                        self._db.execute(statement)
                    rows = [("format", _FORMAT), ("tables", "0"), ("upto", "0")]
                    self._db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
            found = self._meta("format")
        if found != _FORMAT:
            raise StoreError(
                f"the index {self.folder} has format {found!r}, not {_FORMAT!r}: add the videos again"
            )
        self._tables: tuple[str, Bands] | None = None

    def __len__(self) -> int:
        with self._errors():
            return int(self._db.execute("SELECT count(*) FROM video").fetchone()[0])

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
        with self._errors(), self._writing():
            for one, name in originals:
                if not len(one.times):
                    raise ConfigError(f"{name} has no frame to go by: it is empty, or sound alone")
                views = list(one.views)
                hashes = np.concatenate([one.hashes, *(one.views[view] for view in views)])
                row = (one.sha256, name, one.duration, json.dumps(views))
                blobs = (one.times.astype("<f4").tobytes(), hashes.tobytes(), _keys(one).tobytes())
                added += self._db.execute(
                    "INSERT OR IGNORE INTO video (sha256, name, duration, views, times, hashes, keys) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (*row, *blobs),
                ).rowcount
        self._tidy()
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
            with self._writing():
                removed = self._db.execute(
                    "DELETE FROM video WHERE name = ? OR sha256 = ?", (name, name)
                ).rowcount
            if not removed:
                raise StoreError(f"{name!r} is not in {self.folder}; see `mmu originals list`")
            self._tidy(force=True)
        return int(removed)

    def check(self, query: Fingerprint, *, limit: int = 5) -> list[Found]:
        """Originals that a video copies, best first; none = nothing like it is known.

        Args:
            query: from `fingerprint_file(original=False)`, or from a report.
            limit: originals to report at most.
        """
        out = self._look(query, _COMMON) or self._look(query, tuple(set(VARIANTS) - set(_COMMON)))
        return sorted(out, key=lambda one: (-one.copy.score, one.name))[:limit]

    def _look(self, query: Fingerprint, turned: Sequence[str]) -> list[Found]:
        asked, ways = _asked(query, turned)
        if not len(asked):
            return []
        votes: dict[int, float] = {}
        for hits in self._hits(asked):
            for owner, vote in _votes(hits):
                votes[owner] = votes.get(owner, 0.0) + vote
        out = []
        for owner in sorted(votes, key=lambda one: -votes[one])[:_CLOSELY]:
            stored = self._load(owner)
            if stored is None:
                continue
            copy = find_copy(query, stored, turned=ways)
            if copy.score >= COPY:
                out.append(_found(query, stored, copy))
        return out

    def _hits(self, asked: NDArray[np.uint8]) -> Iterator[Hits]:
        with self._errors():
            self._db.execute("BEGIN")
            try:
                tables, upto = self._meta("tables"), int(self._meta("upto"))
                rows = self._db.execute("SELECT id, keys FROM video WHERE id > ?", (upto,)).fetchall()
                if tables != "0" and (self._tables is None or self._tables[0] != tables):
                    self._tables = (tables, Bands(self.folder / f"tables-{tables}"))
            except OSError as error:
                raise StoreError(f"the index {self.folder} is damaged: {error}") from error
            finally:
                self._db.execute("COMMIT")
        if tables != "0" and self._tables is not None:
            yield self._tables[1].search(asked)
        if rows:
            yield scan(asked, *_stack(rows))

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

    def _tidy(self, *, force: bool = False) -> None:
        """Take what waits into the tables when it has become much."""
        with self._errors(), self._writing():
            tables, upto = self._meta("tables"), int(self._meta("upto"))
            size = "SELECT coalesce(sum(length(keys)), 0) FROM video WHERE id"
            (waiting,) = self._db.execute(f"{size} > ?", (upto,)).fetchone()
            (inside,) = self._db.execute(f"{size} <= ?", (upto,)).fetchone()
            due = waiting / BYTES > max(_WAITING, _WAITING_SHARE * inside / BYTES)
            if not (due or (force and tables != "0")):
                return
            rows = self._db.execute("SELECT id, keys FROM video ORDER BY id").fetchall()
            target = str(int(tables) + 1)
            if rows:
                build(*_stack(rows), self.folder / f"tables-{target}")
            self._db.execute("UPDATE meta SET value = ? WHERE key = 'tables'", (target if rows else "0",))
            self._db.execute(
                "UPDATE meta SET value = ? WHERE key = 'upto'", (str(rows[-1][0] if rows else 0),)
            )
        self._tables = None
        # a reader that has the old tables open keeps them; the files go when it closes them
        shutil.rmtree(self.folder / f"tables-{tables}", ignore_errors=True)

    def _meta(self, key: str) -> str:
        row = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return str(row[0]) if row else ""

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(f"the index {self.folder} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the files."""
        self._tables = None
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def default_index() -> Path:
    """`originals` under `$MMU_HOME` or the platform's data folder."""
    return default_root() / "originals"


def _keys(one: Fingerprint) -> NDArray[np.uint8]:
    """The hashes of an original that go into the tables: fewer than it has, and fewest of the corners."""
    out = [
        hashes[_spread(one.times, _EVERY.get(view, _EVERY_CORNER))]
        for view, hashes in {"": one.hashes, **one.views}.items()
    ]
    return np.unique(np.concatenate(out), axis=0)


def _spread(times: NDArray[np.float32], every: float) -> NDArray[np.intp]:
    """Indices of times about `every` seconds apart, at least two."""
    count = min(len(times), max(2, 1 + int(np.ptp(times) / every)))
    return np.unique(np.abs(times[None, :] - np.linspace(times[0], times[-1], count)[:, None]).argmin(axis=1))


def _stack(rows: list[tuple[int, bytes]]) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    keys = np.frombuffer(b"".join(blob for _, blob in rows), np.uint8).reshape(-1, BYTES)
    owners = np.repeat([row for row, _ in rows], [len(blob) // BYTES for _, blob in rows])
    return keys, owners.astype(np.int64)


def _asked(query: Fingerprint, turned: Sequence[str]) -> tuple[NDArray[np.uint8], Sequence[str]]:
    """Hashes to look up: frames spread over the video, in each orientation."""
    if not len(query.times):
        return np.zeros((0, BYTES), np.uint8), turned
    seconds = float(np.ptp(query.times))
    chosen = _spread(query.times, max(0.3, seconds / float(np.clip(seconds, *_ASKED))))
    shown = [query.hashes[chosen], *(hashes[chosen] for hashes in query.views.values())]
    out = []
    for bits in np.unpackbits(np.concatenate(shown), axis=1).astype(bool):
        ways = variants(bits)
        out += [ways[name] for name in turned]
    return np.unique(np.packbits(np.stack(out), axis=1), axis=0), turned


def _votes(hits: Hits) -> Iterator[tuple[int, float]]:
    """Owners and what speaks for them: like frames, each counted once, common ones for little."""
    if not len(hits.query):
        return
    pair = hits.query * (int(hits.owner.max()) + 1) + hits.owner
    order = np.lexsort((hits.bits, pair))
    first = order[np.unique(pair[order], return_index=True)[1]]
    query, owner = hits.query[first], hits.owner[first]
    common = np.log1p(np.bincount(query)[query])
    weight = ((LIMIT + 2 - hits.bits[first]) / LIMIT) ** 2 / common
    owners, place = np.unique(owner, return_inverse=True)
    yield from zip(owners.tolist(), np.bincount(place, weights=weight).tolist(), strict=True)


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
