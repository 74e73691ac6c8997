"""The song library on disk: which tracks it knows (SQLite) and their landmarks (sorted files)."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmu.errors import StoreError
from mmu.songs.fingerprint import FRAME_SECONDS, Landmarks
from mmu.songs.segments import Words, lookup, merge, open_segment, pack, write_segment

_SCHEMA = """
CREATE TABLE IF NOT EXISTS track (
    id INTEGER PRIMARY KEY, name TEXT UNIQUE NOT NULL, path TEXT NOT NULL, sha256 TEXT UNIQUE NOT NULL,
    seconds REAL NOT NULL, first INTEGER NOT NULL, frames INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS segment (id INTEGER PRIMARY KEY, file TEXT NOT NULL, entries INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS state (next_place INTEGER NOT NULL, removed_frames INTEGER NOT NULL);
INSERT INTO state SELECT 0, 0 WHERE NOT EXISTS (SELECT 1 FROM state);
"""
_VERSION = 1
#: frames between two tracks, so that no alignment reaches from one into the next
_GAP = 2048
_LAST_PLACE = 2**32
#: share of removed frames at which their landmarks are thrown out of the files
_STALE = 0.25
_RETRIES, _RETRY_SECONDS = 3, 0.1


@dataclass(frozen=True, slots=True)
class Track:
    """One track of the library."""

    id: int
    name: str
    path: str
    sha256: str
    #: length in seconds
    seconds: float
    #: first place of the track in the index, and how many it has
    first: int
    frames: int


@dataclass(frozen=True, slots=True)
class NewTrack:
    """A track to be added."""

    name: str
    path: str
    sha256: str
    seconds: float
    landmarks: Landmarks


class SongLibrary:
    """Tracks and their landmarks in a folder; several processes may read while one writes.

    Args:
        folder: made when it is not there.

    Raises:
        StoreError: it cannot be read or written, or another version of the project made it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(folder / "songs.sqlite", timeout=60, isolation_level=None)
            version = int(self._db.execute("PRAGMA user_version").fetchone()[0])
            if version not in (0, _VERSION):
                raise StoreError(f"the song library {folder} has format {version}, expected {_VERSION}")
            self._db.executescript(f"{_SCHEMA} PRAGMA user_version = {_VERSION};")
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot open the song library {folder}: {error}") from error
        self._segments: dict[str, Words] = {}

    def __enter__(self) -> SongLibrary:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._segments.clear()
        self._db.close()

    def tracks(self) -> list[Track]:
        """All tracks in the order of their places."""
        return [Track(*row) for row in self._db.execute("SELECT * FROM track ORDER BY first")]

    def find(self, *, sha256: str) -> Track | None:
        """The track made from a file of this hash."""
        row = self._db.execute("SELECT * FROM track WHERE sha256 = ?", [sha256]).fetchone()
        return Track(*row) if row else None

    def entries(self) -> int:
        """Landmarks in the files."""
        return int(self._db.execute("SELECT coalesce(sum(entries), 0) FROM segment").fetchone()[0])

    def add(self, new: Sequence[NewTrack]) -> list[Track]:
        """Add tracks in one transaction; a name that is taken gets a number.

        Raises:
            StoreError: the disk refuses, the library is full, or a hash is there already.
        """
        if not new:
            return []
        with self._transaction() as stale:
            first = int(self._db.execute("SELECT next_place FROM state").fetchone()[0])
            words, added = [], []
            for track in new:
                frames = round(track.seconds / FRAME_SECONDS) + 1
                if first + frames >= _LAST_PLACE:
                    raise StoreError(f"the song library {self.folder} is full")
                words.append(pack(track.landmarks.key, track.landmarks.frame.astype(np.int64) + first))
                values = (self._free(track.name), track.path, track.sha256, track.seconds, first, frames)
                cursor = self._db.execute(
                    "INSERT INTO track (name, path, sha256, seconds, first, frames) VALUES (?,?,?,?,?,?)",
                    values,
                )
                added.append(Track(int(cursor.lastrowid or 0), *values))
                first += frames + _GAP
            self._db.execute("UPDATE state SET next_place = ?", [first])
            self._register(*write_segment(self.folder, [np.sort(np.concatenate(words))]))
            self._merge_like_sizes(stale)
        return added

    def remove(self, name: str) -> Track:
        """Forget a track.

        Raises:
            StoreError: there is none of that name.
        """
        with self._transaction() as stale:
            row = self._db.execute("SELECT * FROM track WHERE name = ?", [name]).fetchone()
            if row is None:
                raise StoreError(f"the song library has no track {name!r}; `mmu songs list` shows them")
            track = Track(*row)
            self._db.execute("DELETE FROM track WHERE id = ?", [track.id])
            kept = int(self._db.execute("SELECT coalesce(sum(frames), 0) FROM track").fetchone()[0])
            removed = int(self._db.execute("SELECT removed_frames FROM state").fetchone()[0]) + track.frames
            if removed > _STALE * (kept + removed):
                self._merge(self._listed(), stale)
                removed = 0
            self._db.execute("UPDATE state SET removed_frames = ?", [removed])
        return track

    def search(self, keys: NDArray[np.uint32]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Places of keys, as `match.align` wants them: (row of `keys`, frame of the index)."""
        for _ in range(_RETRIES):
            try:
                return lookup([self._words(file, entries) for _, file, entries in self._listed()], keys)
            except StoreError:
                # Another process may just have merged the files that were listed.
                time.sleep(_RETRY_SECONDS)
        return lookup([self._words(file, entries) for _, file, entries in self._listed()], keys)

    def _listed(self) -> list[tuple[int, str, int]]:
        return list(self._db.execute("SELECT id, file, entries FROM segment ORDER BY entries DESC"))

    def _words(self, file: str, entries: int) -> Words:
        if file not in self._segments:
            self._segments[file] = open_segment(self.folder / file, entries)
        return self._segments[file]

    def _free(self, name: str) -> str:
        taken, number = name, 1
        while self._db.execute("SELECT 1 FROM track WHERE name = ?", [taken]).fetchone():
            number += 1
            taken = f"{name} ({number})"
        return taken

    def _register(self, path: Path, entries: int) -> None:
        self._db.execute("INSERT INTO segment (file, entries) VALUES (?, ?)", [path.name, entries])

    def _merge_like_sizes(self, stale: list[str]) -> None:
        """Keep every file at least twice as large as the next smaller one."""
        while True:
            listed = self._listed()
            alike = [at for at in range(len(listed) - 1) if listed[at][2] < 2 * listed[at + 1][2]]
            if not alike:
                return
            # The smallest first: their merger may then be alike with the next.
            self._merge(listed[alike[-1] : alike[-1] + 2], stale)

    def _merge(self, listed: list[tuple[int, str, int]], stale: list[str]) -> None:
        tracks = self.tracks()
        firsts = np.array([track.first for track in tracks], np.int64)
        ends = firsts + np.array([track.frames for track in tracks], np.int64)

        def keep(places: NDArray[np.int64]) -> NDArray[np.bool_]:
            if not tracks:
                return np.zeros(len(places), bool)
            index = np.searchsorted(firsts, places, side="right") - 1
            return (index >= 0) & (places < ends[index])

        parts = [self._words(file, entries) for _, file, entries in listed]
        self._register(*write_segment(self.folder, merge(parts, keep)))
        for number, file, _ in listed:
            self._db.execute("DELETE FROM segment WHERE id = ?", [number])
            self._segments.pop(file, None)
            stale.append(file)

    @contextlib.contextmanager
    def _transaction(self) -> Iterator[list[str]]:
        """One writer at a time; files that are in no table afterwards are removed."""
        stale: list[str] = []
        try:
            self._db.execute("BEGIN IMMEDIATE")
            before = {file for _, file, _ in self._listed()}
            try:
                yield stale
                self._db.execute("COMMIT")
            except BaseException:
                written = {file for _, file, _ in self._listed()} - before
                self._db.execute("ROLLBACK")
                stale[:] = [file for file in {*stale, *written} if file not in before]
                raise
            finally:
                for file in stale:
                    (self.folder / file).unlink(missing_ok=True)
        except sqlite3.Error as error:
            raise StoreError(f"cannot write to the song library {self.folder}: {error}") from error
