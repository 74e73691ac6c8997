"""`SearchIndex`: the reports of many videos, found by text or by example."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

import kg
from kg.linker import normalise
from mmu.errors import ConfigError, StoreError
from mmu.reasoning.similarity import Embedder
from mmu.report.schema import Report
from mmu.search.arrays import Arrays, Facts, item_of
from mmu.search.document import Document, from_report, song_key
from mmu.search.example import Copies, as_query
from mmu.search.filters import SearchFilters
from mmu.search.query import Query, interpret
from mmu.search.rank import BY_WORDS, Scored, search
from mmu.search.reasons import Reason, moment, reasons
from mmu.search.store import Files, default_folder
from mmu.search.vectors import codes

#: documents written in one transaction
_BATCH = 64
#: sets of filters whose videos are remembered
_FILTERS_KEPT = 16


@dataclass(frozen=True, slots=True)
class Hit:
    """One video that answers a search."""

    id: str
    uri: str
    name: str
    #: how well it answers, in [0, 1]; only comparable within one search
    score: float
    #: seconds in which it matches; None = all of it
    moment: tuple[float, float] | None
    #: why, the strongest first
    reasons: list[Reason]


class SearchIndex:
    """Reports on disk that can be searched; a context manager, safe to open in several processes.

    Args:
        folder: where the index lives (default: `search` in the user's store).
        create: make it when it is missing.
        embedder: texts to vectors (default: the shipped encoders, loaded when first needed).
        graph: the knowledge graph (default: the shipped one).

    Raises:
        StoreError: the index cannot be opened, or was written by another version.
    """

    def __init__(
        self,
        folder: Path | None = None,
        *,
        create: bool = True,
        embedder: Embedder | None = None,
        graph: kg.Graph | None = None,
    ) -> None:
        self.folder = folder or default_folder()
        self._files = Files(self.folder, create=create)
        self._embedder = embedder
        self._graph = graph or kg.load()
        self._copies = Copies(self.folder / "hashes")
        self._seen = -1
        self._arrays: Arrays | None = None
        self._units: dict[str, int] = {}
        self._facts: Facts | None = None
        self._filtered: dict[SearchFilters, NDArray[np.bool_]] = {}
        self._vectors: NDArray[np.float32] = np.zeros((0, 0), np.float32)

    def __len__(self) -> int:
        return self._files.count()

    def add(self, reports: Iterable[Report]) -> int:
        """Add reports; one of a video that is there already takes the old one's place.

        Returns:
            How many were new.

        Raises:
            ConfigError: a report of a file that could not be read.
            ModelError: the text encoders are not in the store.
        """
        new = 0
        batch: list[Report] = []
        for report in reports:
            batch.append(report)
            if len(batch) == _BATCH:
                new += self._add(batch)
                batch = []
        return new + (self._add(batch) if batch else 0)

    def add_documents(self, documents: Sequence[Document]) -> int:
        """Add what `from_report` made; returns how many were new."""
        documents = list({one.id: one for one in documents}.values())
        embedder = self._embed()
        known, _ = self._files.units()
        texts = {thing.key: thing.text for one in documents for thing in one.things if thing.key not in known}
        fresh = dict(zip(texts, embedder.embed(list(texts.values())), strict=True))
        pieces = [embedder.embed([text for text, _ in one.pieces()]) for one in documents]
        with self._files.errors(), self._files.writing():
            known, vectors = self._files.units()
            added = [key for key in fresh if key not in known]
            known |= {key: len(known) + at for at, key in enumerate(added)}
            self._files.add_units([(known[key], key, texts[key], fresh[key]) for key in added])
            if added:
                vectors = np.concatenate(
                    [vectors.reshape(-1, fresh[added[0]].shape[0]), [fresh[k] for k in added]]
                )
            items = [
                item_of(one, known, vectors, own)
                for one, own in zip(documents, pieces, strict=True)
                if one.things or len(own)
            ]
            old = self._files.known([one.id for one in documents])
            for one in old:
                self._files.remove(one)
            self._files.add(items, [codes(item.vectors) for item in items])
        return len(items) - len(old)

    def remove(self, which: str) -> int:
        """Delete a video by id or uri, from every part of the index; returns how many there were.

        Raises:
            StoreError: there is none.
        """
        with self._files.errors(), self._files.writing():
            gone = self._files.remove(which)
        if not gone:
            raise StoreError(f"{which!r} is not in the search index {self.folder}")
        self._copies.remove(gone)
        self._files.purge()
        return len(gone)

    def forget_person(self, name: str) -> int:
        """Erase that a person was named or recognised, from every video; returns from how many.

        Titles and speech in which the name stands are words of the video and stay with it.
        """
        arrays = self._refresh()
        key = f"name:person:{normalise(name)}"
        if key not in self._units:
            return 0
        number = self._units[key]
        entries = np.flatnonzero(arrays.units == number)
        found = np.unique(np.searchsorted(arrays.starts, entries, side="right") - 1)
        rows = [(int(row), document) for row in found if (document := self._files.document(int(row)))]
        for _, document in rows:
            document.things = [thing for thing in document.things if thing.key != key]
        with self._files.errors(), self._files.writing():
            self._files.forget_unit(number, rows)
        self._files.purge()
        return len(rows)

    def search(self, text: str, *, limit: int = 10, filters: SearchFilters | None = None) -> list[Hit]:
        """Videos that a description fits, in Chinese or English, best first.

        Raises:
            ConfigError: an empty text, or a filter that names nothing.
        """
        if not text.strip():
            raise ConfigError("an empty text finds nothing: say what to look for")
        arrays = self._refresh()
        query = interpret(text, self._graph, self._embed(), self._units, self._vectors)
        return self._answer(query, arrays, filters, limit)

    def like(self, report: Report, *, limit: int = 10, filters: SearchFilters | None = None) -> list[Hit]:
        """Videos that are like the one of a report: copies first, then those that show and say alike.

        Raises:
            ConfigError: the report is of a file that could not be read.
        """
        arrays = self._refresh()
        example = from_report(report, self._graph)
        copies = self._copies.of(report)
        query = as_query(example, self._units, self._vectors, self._embed())
        hits = self._answer(query, arrays, filters, limit + len(copies) + 1, example=example)
        found = {hit.id: hit for hit in hits}
        first = []
        allowed = self._allowed(filters, arrays)
        for copy in copies:
            row = self._files.row_of(copy.sha256)
            document = None if row is None or not allowed[row] else self._files.document(row)
            if document is not None and copy.sha256 != example.id:
                why = [copy.reason(), *(found[document.id].reasons if document.id in found else [])]
                hit = Hit(document.id, document.uri, document.name, copy.score, copy.span, why)
                first.append(hit)
        names = {hit.id for hit in first} | {example.id}
        return [*first, *(hit for hit in hits if hit.id not in names)][:limit]

    def playing(self, title: str, *, limit: int = 10, filters: SearchFilters | None = None) -> list[Hit]:
        """Videos in which a track of the user's song library plays, the surest first, with the moment.

        Raises:
            StoreError: in no video of the index.
        """
        arrays = self._refresh()
        if limit < 1:
            raise ConfigError(f"the number of hits must be at least 1, not {limit}")
        key = song_key(title)
        if key not in self._units:
            raise StoreError(f"the track {title!r} plays in no video of {self.folder}")
        allowed = self._allowed(filters, arrays)
        entries = np.flatnonzero(arrays.units == self._units[key])
        rows = np.searchsorted(arrays.starts, entries, side="right") - 1
        order = np.argsort(-arrays.scores[entries], kind="stable")
        hits = []
        for row in rows[order]:
            document = self._files.document(int(row)) if allowed[row] else None
            thing = next((one for one in document.things if one.key == key), None) if document else None
            if document is not None and thing is not None:
                span = max(thing.spans, key=lambda one: one[1] - one[0])
                why = [Reason("song", title, thing.text, span, round(thing.score, 4), thing.why)]
                name = document.name
                hits.append(Hit(document.id, document.uri, name, thing.score, moment(why, document), why))
            if len(hits) == limit:
                break
        return hits

    def stats(self) -> dict[str, int]:
        """Counts: videos, things known, entries and vectors that are scanned."""
        arrays = self._refresh()
        return {
            "videos": len(self),
            "rows": arrays.rows,
            "things": len(self._units),
            "entries": len(arrays.units),
            "vectors": len(arrays.owners),
        }

    def close(self) -> None:
        """Close the files."""
        self._files.close()
        self._copies.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _add(self, reports: Sequence[Report]) -> int:
        new = self.add_documents([from_report(report, self._graph) for report in reports])
        self._copies.add(reports)
        return new

    def _answer(
        self,
        query: Query,
        arrays: Arrays,
        filters: SearchFilters | None,
        limit: int,
        example: Document | None = None,
    ) -> list[Hit]:
        if limit < 1:
            raise ConfigError(f"the number of hits must be at least 1, not {limit}")
        allowed = self._allowed(filters, arrays)
        by_words = self._files.matches(query.words, limit=BY_WORDS)
        by_words = {row: score for row, score in by_words.items() if row < arrays.rows}
        hits = []
        for scored in search(query, arrays, by_words, allowed, limit):
            document = self._files.document(scored.row)
            if document is not None:
                hits.append(self._hit(query, scored, document))
        return hits

    def _allowed(self, filters: SearchFilters | None, arrays: Arrays) -> NDArray[np.bool_]:
        """Rows that filters let through; kept until the index changes, as users turn pages."""
        key = filters or SearchFilters()
        if key not in self._filtered:
            if len(self._filtered) >= _FILTERS_KEPT:
                self._filtered.clear()
            if self._facts is None:
                self._facts = self._files.facts(arrays.rows)
            self._filtered[key] = key.allowed(self._facts, arrays, self._units, self._graph)
        return self._filtered[key]

    def _hit(self, query: Query, scored: Scored, document: Document) -> Hit:
        why = reasons(query, scored, document, self._units)
        return Hit(
            document.id, document.uri, document.name, round(scored.score, 4), moment(why, document), why
        )

    def _refresh(self) -> Arrays:
        changes = self._files.changes()
        if self._arrays is None or changes != self._seen:
            self._units, self._vectors = self._files.units()
            self._arrays, self._seen = self._files.arrays(), changes
            self._facts = None
            self._filtered.clear()
        return self._arrays

    def _embed(self) -> Embedder:
        if self._embedder is None:
            from models.store import Store
            from models.text_embedding import TextEmbedder

            # Somebody waits for the answer: one query may use two cores.
            self._embedder = TextEmbedder(Store(), threads=min(2, len(os.sched_getaffinity(0))))
        return self._embedder
