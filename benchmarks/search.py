"""Speed of search over made-up videos of realistic size.

    python -m benchmarks.search [--videos N] [--queries N] [--keep DIR] | --ranking

Each video has 40 things drawn from the knowledge graph (a few in very many videos), a title, a
caption, 4 lines of text on screen and 4 of speech out of words of the graph. The vectors of
texts are real for queries and for things; those of a video's passages are mixtures of them, since
embedding a million passages would take the machine a day and would not change the search.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import kg
from mmu.search.arrays import Arrays
from mmu.search.document import Document, Passage, Thing
from mmu.search.filters import SearchFilters
from mmu.search.index import SearchIndex
from mmu.search.query import Part, Query
from mmu.search.rank import search
from mmu.search.vectors import codes
from models.store import Store
from models.text_embedding import DIMENSIONS, TextEmbedder

#: concepts that the videos are made of; each is embedded once
CONCEPTS = 600
THINGS, LINES = 40, 4
QUERIES = (
    "做饭的小男孩",
    "a dog plays in the snow",
    "穿红裙子的女人在海边跳舞",
    "two men repair a motorcycle in a garage",
    "如何在家种番茄",
    "football match highlights with commentary",
    "猫",
    "old black and white film of a city street",
    "孩子们在体育馆打篮球",
    "somebody unboxes a new phone",
)


class Mixed:
    """Real vectors of names and queries; those of longer passages are sums of their words' vectors."""

    def __init__(self, names: Sequence[str]) -> None:
        self._real = TextEmbedder(Store())
        self._known = dict(zip(names, self._real.embed(names), strict=True))
        self._table = np.stack(list(self._known.values()))

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = [self._known[text] if text in self._known else self._mixed(text) for text in texts]
        return np.stack(rows) if rows else np.zeros((0, DIMENSIONS), np.float32)

    def _mixed(self, text: str) -> NDArray[np.float32]:
        draw = np.random.default_rng(zlib.crc32(text.encode()))
        mixed = self._table[draw.integers(0, len(self._table), 4)].sum(axis=0)
        return np.asarray(mixed / np.linalg.norm(mixed), np.float32)


def main() -> None:
    """Fill an index, ask it, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the index there; filled only once")
    parser.add_argument(
        "--ranking", action="store_true", help="only the ranking, over random arrays in memory"
    )
    args = parser.parse_args()
    if args.ranking:
        _ranking(args.videos)
        return
    graph = kg.load()
    draw = np.random.default_rng(5)
    chosen = draw.permutation([one.id for one in graph.concepts.values() if one.taggable])[:CONCEPTS]
    names = {key: f"{graph.concepts[key].zh} {graph.concepts[key].en}" for key in map(str, chosen)}
    with tempfile.TemporaryDirectory() as temporary:
        folder = args.keep or Path(temporary)
        if not (folder / "search.sqlite").exists():
            started = time.perf_counter()
            _fill(folder, args.videos, names, draw)
            print(f"filled in {time.perf_counter() - started:.0f} s")
        with SearchIndex(folder) as index:
            _ask(index, args.queries)
        size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        print(f"| on disk | {size / 1e6:,.0f} MB |")


def _fill(folder: Path, videos: int, names: dict[str, str], draw: np.random.Generator) -> None:
    with SearchIndex(folder, embedder=Mixed(list(names.values()))) as index:
        for start in range(0, videos, 2000):
            index.add_documents(
                [_document(at, names, draw) for at in range(start, min(start + 2000, videos))]
            )


def _document(number: int, names: dict[str, str], draw: np.random.Generator) -> Document:
    keys = list(names)
    # The reciprocal law: a few things are in very many videos.
    picks = dict.fromkeys((len(keys) ** draw.random(3 * THINGS)).astype(int).tolist())
    things = []
    for at in list(picks)[:THINGS]:
        start = float(draw.integers(0, 40))
        score = float(draw.beta(1, 2))
        things.append(Thing(keys[at - 1], names[keys[at - 1]], score, [(start, start + 5)], "made up"))
    lines = [
        Passage("screen" if at % 2 else "speech", _sentence(keys, names, draw), (at * 3.0, at * 3.0 + 2))
        for at in range(2 * LINES)
    ]
    texts = [Passage("title", _sentence(keys, names, draw)), Passage("caption", _sentence(keys, names, draw))]
    passages = [*texts, *lines]
    id_ = f"{number:064x}"
    return Document(id_, f"/v/{number}.mp4", "", 60.0, "", "pass", "zh", {}, things, passages)


def _sentence(keys: list[str], names: dict[str, str], draw: np.random.Generator) -> str:
    return " ".join(names[keys[at]] for at in draw.integers(0, len(keys), 4))


def _ask(index: SearchIndex, queries: int) -> None:
    stats = index.stats()
    index.search("warm up")
    cold, warm, filtered = [], [], []
    kept = SearchFilters(facets=("element",), max_duration=90)
    for at in range(queries):
        # A query never seen before: its words have to be embedded too.
        text = f"{QUERIES[at % len(QUERIES)]} {at}"
        cold.append(_timed(index, text, None))
        warm.append(_timed(index, text, None))
        # Another limit each time: what the same filters let through is remembered.
        filtered.append(_timed(index, text, replace(kept, max_duration=90.0 + at)))
    print(f"| what | value |\n|---|---:|\n| videos | {stats['videos']:,} |")
    print(f"| things / vectors scanned | {stats['entries']:,} / {stats['vectors']:,} |")
    for what, seconds in (
        ("a new query", cold),
        ("a query asked before (its vector is known)", warm),
        ("the same, filtered by facet and duration", filtered),
    ):
        wall, cpu = (np.array(one) * 1000 for one in zip(*seconds, strict=True))
        print(
            f"| {what} | CPU median {np.median(cpu):.0f} ms, 95% {np.quantile(cpu, 0.95):.0f} ms; "
            f"wall {np.median(wall):.0f}, {np.quantile(wall, 0.95):.0f} ms |"
        )


def _ranking(videos: int, *, things: int = 40, vectors: int = 5, different: int = 20_000) -> None:
    """CPU time of candidates and scores alone: no disk, no words, no networks; prints milliseconds."""
    draw = np.random.default_rng(1)
    units = (CONCEPTS ** draw.random(videos * things)).astype(np.int32) - 1
    scores = draw.random(videos * things, dtype=np.float32)
    base = draw.integers(-127, 128, (different, DIMENSIONS), dtype=np.int8)
    pick = np.arange(videos * vectors) % different
    arrays = Arrays(
        starts=np.arange(0, videos * things + 1, things, dtype=np.int64),
        units=units,
        scores=scores,
        vectors=base[pick],
        codes=np.ascontiguousarray(codes(base)[pick].T),
        owners=np.repeat(np.arange(videos, dtype=np.int32), vectors),
        pieces=np.tile(np.arange(vectors, dtype=np.int32), videos),
        common=np.asarray(np.bincount(units, weights=scores, minlength=CONCEPTS) / videos, np.float32),
        alive=np.ones(videos, bool),
    )
    seconds = []
    for _ in range(20):
        parts = [Part("", (draw.random(CONCEPTS) > 0.97).astype(np.float32)) for _ in range(4)]
        query = Query("", [], parts, draw.standard_normal(DIMENSIONS).astype(np.float32))
        by_words = {int(row): 1.0 for row in draw.integers(0, videos, 200)}
        started = time.process_time()
        search(query, arrays, by_words, arrays.alive.copy(), 10)
        seconds.append(time.process_time() - started)
    print(
        f"ranking {videos:,} videos: median {np.median(seconds) * 1000:.0f} ms of CPU time, "
        f"at most {max(seconds) * 1000:.0f} ms"
    )


def _timed(index: SearchIndex, text: str, filters: SearchFilters | None) -> tuple[float, float]:
    """Seconds of wall and of CPU time of one search."""
    wall, cpu = time.perf_counter(), time.process_time()
    index.search(text, limit=10, filters=filters)
    return time.perf_counter() - wall, time.process_time() - cpu


if __name__ == "__main__":
    main()
