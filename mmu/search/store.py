"""The search index on disk: documents and words in SQLite, what is scanned in columns beside it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from kg.sqlite import transaction
from mmu.errors import StoreError
from mmu.search.arrays import Arrays, Facts, Item
from mmu.search.columns import Column
from mmu.search.document import Document
from mmu.search.vectors import DIMENSIONS, WORDS
from mmu.search.words import words
from models.store import default_root
from models.text_embedding import SOURCE

_FORMAT = f"1 {SOURCE}"
_SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE length (name TEXT PRIMARY KEY, rows INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE unit (
    id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, text TEXT NOT NULL, vector BLOB NOT NULL
);
CREATE TABLE video (
    row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, uri TEXT NOT NULL, duration REAL NOT NULL,
    category TEXT NOT NULL, decision TEXT NOT NULL, language TEXT NOT NULL, document BLOB NOT NULL,
    first_entry INTEGER NOT NULL, entries INTEGER NOT NULL,
    first_vector INTEGER NOT NULL, vectors INTEGER NOT NULL
);
CREATE INDEX video_uri ON video (uri);
CREATE VIRTUAL TABLE text USING fts5 (
    title, caption, screen, speech, detail = full, tokenize = 'unicode61 remove_diacritics 0'
);
CREATE VIRTUAL TABLE term USING fts5vocab (text, row);
"""
#: what filters ask for, apart from the documents: reading those of 100,000 videos takes half a second
_FACTS = "CREATE INDEX IF NOT EXISTS video_facts ON video (duration, category, decision, language)"
#: FTS column and the fields of passages that go into it
_COLUMNS = {
    "title": ("title", "topic"),
    "caption": ("caption",),
    "screen": ("screen",),
    "speech": ("speech",),
}
#: what a word weighs in each of these columns
_BM25 = "bm25(text, 3.0, 2.0, 1.0, 1.0)"
#: matches that a query may make the full-text index rank; the rarest words come first
_MOST_MATCHES = 3000


class Files:
    """Reads and writes the index in `folder`; see `SearchIndex` for its use."""

    def __init__(self, folder: Path, *, create: bool) -> None:
        self.folder = folder
        file = folder / "search.sqlite"
        if not create and not file.is_file():
            raise StoreError(f"no search index at {folder}: fill it with `mmu index add REPORT.json`")
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(file, timeout=60.0, isolation_level=None, check_same_thread=False)
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"cannot open the search index {folder}: {error}") from error
        with self.errors():
            self._db.execute("PRAGMA secure_delete = ON")
            with self.writing():
                if not self._db.execute("SELECT 1 FROM sqlite_master").fetchone():
                    for statement in _SCHEMA.split(";"):
                        self._db.execute(statement)
                    self._db.execute("INSERT INTO meta VALUES ('format', ?), ('changes', '0')", (_FORMAT,))
                self._db.execute(_FACTS)
            self._db.execute("PRAGMA journal_mode = WAL")
            row = self._db.execute("SELECT value FROM meta WHERE key = 'format'").fetchone()
        if row is None or row[0] != _FORMAT:
            was = row[0] if row else "none"
            raise StoreError(
                f"the search index {folder} has format {was!r}, not {_FORMAT!r}: add the reports again"
            )
        self._columns = {
            "starts": Column(folder / "starts.i8", "<i8"),
            "units": Column(folder / "units.i4", "<i4"),
            "scores": Column(folder / "scores.f4", "<f4"),
            "vectors": Column(folder / "vectors.i1", "i1", DIMENSIONS),
            "codes": Column(folder / "codes.u8", "<u8", WORDS),
            "owners": Column(folder / "owners.i4", "<i4"),
            "pieces": Column(folder / "pieces.i4", "<i4"),
        }

    def changes(self) -> int:
        """A number that grows with every change."""
        with self.errors():
            return int(self._db.execute("SELECT value FROM meta WHERE key = 'changes'").fetchone()[0])

    def known(self, ids: Sequence[str]) -> set[str]:
        """Those of the video ids that are in the index."""
        with self.errors():
            return {
                one for one in ids if self._db.execute("SELECT 1 FROM video WHERE id = ?", (one,)).fetchone()
            }

    def units(self) -> tuple[dict[str, int], NDArray[np.float32]]:
        """Unit key -> id, and (n, 896) float32 unit vectors by id."""
        with self.errors():
            rows = self._db.execute("SELECT id, key, vector FROM unit ORDER BY id").fetchall()
        vectors = np.frombuffer(b"".join(blob for _, _, blob in rows), "<f2").astype(np.float32)
        return {key: number for number, key, _ in rows}, vectors.reshape(-1, DIMENSIONS)

    def add_units(self, units: Sequence[tuple[int, str, str, NDArray[np.float32]]]) -> None:
        """New (id, key, text, vector); inside `writing`."""
        rows = [(number, key, text, vector.astype("<f2").tobytes()) for number, key, text, vector in units]
        self._db.executemany("INSERT INTO unit VALUES (?, ?, ?, ?)", rows)

    def add(self, items: Sequence[Item], codes: Sequence[NDArray[np.uint64]]) -> None:
        """Append documents whose ids are new; inside `writing`."""
        lengths = self._lengths()
        row, entry, vector = lengths["starts"], lengths["units"], lengths["vectors"]
        starts: list[int] = []
        owners: list[int] = []
        pieces: list[int] = []
        for item in items:
            one, size, count = item.document, len(item.units), len(item.vectors)
            facts = (row, one.id, one.uri, one.duration, one.category, one.decision, one.language, one.pack())
            self._db.execute(
                "INSERT INTO video VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (*facts, entry, size, vector, count),
            )
            texts = [
                " ".join(
                    w for passage in one.passages if passage.field in fields for w in words(passage.text)
                )
                for fields in _COLUMNS.values()
            ]
            self._db.execute(
                "INSERT INTO text (rowid, title, caption, screen, speech) VALUES (?, ?, ?, ?, ?)",
                (row, *texts),
            )
            starts.append(entry)
            owners += [row] * count
            pieces += range(count)
            row, entry, vector = row + 1, entry + size, vector + count
        self._append("starts", np.array(starts, np.int64), lengths)
        self._append("units", np.concatenate([item.units for item in items]), lengths)
        self._append("scores", np.concatenate([item.scores for item in items]), lengths)
        self._append("vectors", np.concatenate([item.vectors for item in items]), lengths)
        self._append("codes", np.concatenate(codes), lengths)
        self._append("owners", np.array(owners, np.int32), lengths)
        self._append("pieces", np.array(pieces, np.int32), lengths)

    def remove(self, which: str) -> list[str]:
        """Delete by id or uri, zeros in the columns; the ids of what went. Inside `writing`."""
        found = self._db.execute(
            "SELECT row, id, first_entry, entries, first_vector, vectors FROM video WHERE id = ? OR uri = ?",
            (which, which),
        ).fetchall()
        for row, _, entry, entries, vector, vectors in found:
            self._db.execute("DELETE FROM video WHERE row = ?", (row,))
            self._db.execute("DELETE FROM text WHERE rowid = ?", (row,))
            for name in ("units", "scores"):
                self._columns[name].fill(entry, entry + entries, 0)
            for name, value in (("vectors", 0), ("codes", 0), ("pieces", 0), ("owners", -1)):
                self._columns[name].fill(vector, vector + vectors, value)
        return [one for _, one, *_ in found]

    def forget_unit(self, number: int, rows: Sequence[tuple[int, Document]]) -> None:
        """Erase a unit: its text and vector, what each row says of it. Inside `writing`.

        `rows` are those that had it, with their documents as they are without it.
        """
        blank = np.zeros(DIMENSIONS, "<f2").tobytes()
        self._db.execute(
            "UPDATE unit SET key = ?, text = '', vector = ? WHERE id = ?", (f"gone:{number}", blank, number)
        )
        units = self._columns["units"].view(self._lengths()["units"])
        for entry in np.flatnonzero(units == number):
            self._columns["scores"].fill(int(entry), int(entry) + 1, 0)
        for row, document in rows:
            self._db.execute("UPDATE video SET document = ? WHERE row = ?", (document.pack(), row))

    def arrays(self) -> Arrays:
        """What is scanned, as it is now."""
        with self.errors():
            lengths = self._lengths()
            view = {name: column.view(lengths[name]) for name, column in self._columns.items()}
        starts = np.append(view.pop("starts"), lengths["units"])
        words = np.ascontiguousarray(view.pop("codes").T)
        rows = len(starts) - 1
        common = np.bincount(view["units"], weights=view["scores"]) / max(1, rows)
        alive = np.zeros(rows, bool)
        alive[view["owners"][view["owners"] >= 0]] = True
        return Arrays(starts=starts, codes=words, common=common.astype(np.float32), alive=alive, **view)

    def document(self, row: int) -> Document | None:
        """The document of a row; None when it was removed."""
        with self.errors():
            found = self._db.execute("SELECT document FROM video WHERE row = ?", (row,)).fetchone()
        return None if found is None else Document.unpack(found[0])

    def facts(self, rows: int) -> Facts:
        """What filters ask for of the first `rows` rows; blank where a row was removed."""
        with self.errors():
            found = self._db.execute(
                "SELECT row, duration, category, decision, language FROM video WHERE row < ?", (rows,)
            ).fetchall()
        durations = np.full(rows, np.nan)
        texts = np.full((3, rows), "", object)
        if found:
            at, duration, *others = zip(*found, strict=True)
            durations[list(at)] = duration
            for text, values in zip(texts, others, strict=True):
                text[list(at)] = values
        return Facts(durations, *texts)

    def row_of(self, video: str) -> int | None:
        """The row of a video id."""
        with self.errors():
            found = self._db.execute("SELECT row FROM video WHERE id = ?", (video,)).fetchone()
        return None if found is None else int(found[0])

    def count(self) -> int:
        """Videos in the index."""
        with self.errors():
            return int(self._db.execute("SELECT count(*) FROM video").fetchone()[0])

    def matches(self, terms: Sequence[str], *, limit: int) -> dict[int, float]:
        """Row -> BM25 (larger is better) of the best `limit` rows with any of the words."""
        with self.errors():
            counts = {
                term: row[0]
                for term in dict.fromkeys(terms)
                if (row := self._db.execute("SELECT doc FROM term WHERE term = ?", (term,)).fetchone())
            }
            chosen: list[str] = []
            budget = _MOST_MATCHES
            for term in sorted(counts, key=lambda one: counts[one]):
                budget -= counts[term]
                if budget < 0:
                    break
                chosen.append(term)
            if not counts:
                return {}
            # Where every word is common, only videos with all of them are worth a look.
            query = (" OR " if chosen else " AND ").join(f'"{term}"' for term in chosen or counts)
            rows = self._db.execute(
                f"SELECT rowid, {_BM25} FROM text WHERE text MATCH ? LIMIT ?", (query, _MOST_MATCHES)
            ).fetchall()
        rows = sorted(rows, key=lambda row: row[1])[:limit]
        return {int(row): -float(rank) for row, rank in rows}

    def _lengths(self) -> dict[str, int]:
        known = dict(self._db.execute("SELECT name, rows FROM length").fetchall())
        return {name: int(known.get(name, 0)) for name in self._columns}

    def _append(self, name: str, values: NDArray[Any], lengths: dict[str, int]) -> None:
        rows = self._columns[name].append(values, at=lengths[name])
        self._db.execute("INSERT OR REPLACE INTO length VALUES (?, ?)", (name, rows))

    @contextmanager
    def writing(self) -> Iterator[None]:
        """One writer at a time; all of the block or nothing of it."""
        with transaction(self._db):
            yield
            self._db.execute("UPDATE meta SET value = value + 1 WHERE key = 'changes'")

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Failures of the files as `StoreError`."""
        try:
            yield
        except (OSError, sqlite3.Error) as error:
            raise StoreError(f"the search index {self.folder} cannot be used: {error}") from error

    def purge(self) -> None:
        """Leave nothing of removed texts in the write-ahead log or in free pages."""
        with self.errors():
            self._db.execute("INSERT INTO text (text) VALUES ('optimize')")
            self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def close(self) -> None:
        """Close the files."""
        self._db.close()


def default_folder() -> Path:
    """`search` under `$MMU_HOME` or the platform's data folder."""
    return default_root() / "search"
