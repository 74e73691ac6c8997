"""The gallery on disk: names and face embeddings in one SQLite file.

Embeddings are biometric data. They are kept as 128 half floats, never with the
picture they came from; deleted rows are overwritten with zeros before their
pages are freed (`secure_delete`), and the file is compacted after a removal.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from kg.sqlite import transaction
from mmu.errors import ConfigError, StoreError
from models import sface
from models.store import default_root

#: cosine from which a face is taken for a person of the gallery; a smaller one leaves it unknown
GALLERY_COSINE = 0.42
#: length of an embedding
DIMENSIONS = 128
#: the layout of the file
_FORMAT = 1

_TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE person (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
CREATE TABLE face (
    id INTEGER PRIMARY KEY,
    person INTEGER NOT NULL REFERENCES person(id) ON DELETE CASCADE,
    photo TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    quality REAL NOT NULL,
    embedding BLOB NOT NULL,
    UNIQUE (person, sha256)
);
"""


class Match(NamedTuple):
    """The person of the gallery that a face resembles most."""

    name: str
    #: cosine to the nearest of the person's faces or to their mean, in [-1, 1]
    score: float


@dataclass(frozen=True, slots=True)
class Entry:
    """One person of the gallery."""

    name: str
    #: file names of the photos that the faces came from
    photos: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """All faces of a gallery in memory, for matching; does not follow later changes."""

    #: (n,) names, one a vector; a person with several photos has one more vector, their mean
    names: tuple[str, ...]
    #: (n, 128) float32, L2-normalised
    vectors: NDArray[np.float32]
    #: identifies the content: equal digests, equal answers
    digest: str
    threshold: float = GALLERY_COSINE

    def nearest(self, embedding: NDArray[np.floating]) -> Match | None:
        """The person most like `embedding` (128,), however unlike; None in an empty gallery."""
        if not self.names:
            return None
        vector = embedding.astype(np.float32)
        cosines = self.vectors @ (vector / max(1e-9, float(np.linalg.norm(vector))))
        best = int(cosines.argmax())
        return Match(self.names[best], float(cosines[best]))

    def match(self, embedding: NDArray[np.floating]) -> Match | None:
        """The person whose face `embedding` (128,) is; None = unknown."""
        found = self.nearest(embedding)
        return found if found is not None and found.score >= self.threshold else None


class Gallery:
    """Known people on disk; a context manager.

    Args:
        path: SQLite file, made when it is missing (default: `people.sqlite` in the user's store).
        create: make the file when it is missing.

    Raises:
        StoreError: the file cannot be opened, or was written by another face network.
    """

    #: length of an embedding, the network it comes from, and the cosine from which it is known
    dimensions: ClassVar[int] = DIMENSIONS
    source: ClassVar[str] = sface.SOURCE
    threshold: ClassVar[float] = GALLERY_COSINE
    #: the command that fills it, and the default file
    command: ClassVar[str] = "mmu people"
    file_name: ClassVar[str] = "people.sqlite"

    def __init__(self, path: Path | None = None, *, create: bool = True) -> None:
        self.path = path or default_root() / self.file_name
        if not create and not self.path.is_file():
            raise StoreError(f"no gallery at {self.path}: add to it with `{self.command} add NAME FILE`")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(self.path, timeout=30.0, isolation_level=None)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot open the gallery {self.path}: {error}") from error
        with self._errors():
            self._db.execute("PRAGMA foreign_keys = ON")
            self._db.execute("PRAGMA secure_delete = ON")
            self._prepare()

    def _prepare(self) -> None:
        with transaction(self._db):
            known = self._db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
            if not known:
                for statement in _TABLES.split(";"):
                    self._db.execute(statement)
                rows = [("format", str(_FORMAT)), ("embedding", self.source)]
                self._db.executemany("INSERT INTO meta VALUES (?, ?)", rows)
            elif ("meta",) not in known:
                raise StoreError(f"{self.path} is not a gallery")
            meta = dict(self._db.execute("SELECT key, value FROM meta").fetchall())
        if meta.get("format") != str(_FORMAT) or meta.get("embedding") != self.source:
            raise StoreError(
                f"the gallery {self.path} holds {meta.get('embedding')} embeddings in format "
                f"{meta.get('format')}, `{self.command}` reads {self.source} in format "
                f"{_FORMAT}: add the people again"
            )

    def add(
        self, name: str, embedding: NDArray[np.floating], *, photo: str, sha256: str, quality: float = 1.0
    ) -> bool:
        """Add one face of a person, who is made when new.

        Args:
            name: as it shall appear in reports.
            embedding: (128,), of any length but 0.
            photo: name of the picture, to be listed.
            sha256: of the picture; the same picture of one person is kept once.
            quality: worth of the crop in [0, 1].

        Returns:
            False when this picture of the person was there already.
        """
        name = " ".join(name.split())
        if not name:
            raise ConfigError("a person needs a name")
        size = float(np.linalg.norm(embedding))
        if embedding.shape != (self.dimensions,) or not np.isfinite(size) or size == 0.0:
            raise ConfigError(f"an embedding has {self.dimensions} finite numbers, got {embedding.shape}")
        blob = (embedding / size).astype("<f2").tobytes()
        with self._errors(), transaction(self._db):
            self._db.execute("INSERT OR IGNORE INTO person (name) VALUES (?)", (name,))
            (person,) = self._db.execute("SELECT id FROM person WHERE name = ?", (name,)).fetchone()
            added = self._db.execute(
                "INSERT OR IGNORE INTO face (person, photo, sha256, quality, embedding) "
                "VALUES (?, ?, ?, ?, ?)",
                (person, photo, sha256, quality, blob),
            ).rowcount
        return bool(added)

    def people(self) -> list[Entry]:
        """Everybody, by name."""
        with self._errors():
            rows = self._db.execute(
                "SELECT name, photo FROM person JOIN face ON face.person = person.id ORDER BY name, face.id"
            ).fetchall()
        photos: dict[str, list[str]] = {}
        for name, photo in rows:
            photos.setdefault(name, []).append(photo)
        return [Entry(name, tuple(found)) for name, found in photos.items()]

    def remove(self, name: str) -> int:
        """Delete a person and all their embeddings; returns how many faces there were.

        Raises:
            StoreError: nobody has this name.
        """
        with self._errors():
            with transaction(self._db):
                row = self._db.execute(
                    "SELECT id FROM person WHERE name = ?", (" ".join(name.split()),)
                ).fetchone()
                if row is None:
                    raise StoreError(f"nobody is called {name!r} in {self.path}; see `{self.command} list`")
                removed = self._db.execute("DELETE FROM face WHERE person = ?", row).rowcount
                self._db.execute("DELETE FROM person WHERE id = ?", row)
            self._db.execute("VACUUM")
        return int(removed)

    def snapshot(self, *, threshold: float | None = None) -> Snapshot:
        """All faces in memory, with the mean of each person who has several.

        Args:
            threshold: cosine from which a face is known (default: the shipped one).
        """
        threshold = self.threshold if threshold is None else threshold
        with self._errors():
            rows = self._db.execute(
                "SELECT name, quality, embedding FROM person JOIN face ON face.person = person.id "
                "ORDER BY name, face.id"
            ).fetchall()
        content = hashlib.sha256(f"{threshold}".encode())
        faces: dict[str, list[tuple[float, NDArray[np.float32]]]] = {}
        for name, quality, blob in rows:
            content.update(name.encode() + b"\0" + blob)
            vector = np.frombuffer(blob, "<f2").astype(np.float32)
            faces.setdefault(name, []).append((quality, vector / np.linalg.norm(vector)))
        names: list[str] = []
        vectors: list[NDArray[np.float32]] = []
        for name, found in faces.items():
            own = [vector for _, vector in found]
            if len(own) > 1:
                mean = np.average(own, axis=0, weights=[max(quality, 0.05) for quality, _ in found])
                own.append((mean / max(1e-9, float(np.linalg.norm(mean)))).astype(np.float32))
            vectors += own
            names += [name] * len(own)
        stacked = np.stack(vectors) if vectors else np.zeros((0, self.dimensions), np.float32)
        return Snapshot(tuple(names), stacked, content.hexdigest(), threshold)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise StoreError(f"the gallery {self.path} cannot be used: {error}") from error

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def default_gallery() -> Path:
    """`people.sqlite` under `$MMU_HOME` or the platform's data folder."""
    return default_root() / Gallery.file_name
