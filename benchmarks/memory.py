"""Bulk load and walks of the memory of videos, on made-up videos.

    python -m benchmarks.memory [--videos N] [--keep DIR]

Each video leads to concepts, topics, people, voices and songs, drawn as they are in real
collections: a few are in very many videos.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from kg.store import GraphStore, Link, Node
from kg.walk import leading_to, near
from mmu.memory.memory import RELATIONS

#: kind -> (edges of a video, different ones, of them for each thousand videos)
KINDS = {
    "concept": (12, 3000, 0),
    "topic": (4, 200, 100),
    "person": (2, 10, 300),
    "voice": (1, 10, 300),
    "song": (1, 10, 50),
}
_QUERIES = 200


def main() -> None:
    """Load, walk, print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--videos", type=int, default=100_000)
    parser.add_argument("--keep", type=Path, metavar="DIR", help="leave the graph there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = (args.keep or Path(folder)) / "graph.sqlite"
        with GraphStore(path) as store:
            started = time.perf_counter()
            nodes, firsts = _nodes(args.videos)
            store.load(nodes, _edges(args.videos, firsts))
            seconds = time.perf_counter() - started
            total = sum(n for name, n in store.counts().items() if name.startswith("-"))
            print("| what | value |\n|---|---:|")
            print(f"| videos / edges | {args.videos:,} / {total:,} |")
            print(f"| bulk load | {seconds:.1f} s, {total / seconds:,.0f} edges/s |")
            print(f"| on disk | {path.stat().st_size / 1e6:,.0f} MB |")
            _walks(store, args.videos, firsts)
            _adding(store)


def _nodes(videos: int) -> tuple[Iterator[tuple[int, Node]], dict[str, tuple[int, int]]]:
    firsts = {}
    first = videos + 1
    for kind, (_, fixed, density) in KINDS.items():
        size = fixed + videos * density // 1000
        firsts[kind] = (first, size)
        first += size

    def made() -> Iterator[tuple[int, Node]]:
        for number in range(1, videos + 1):
            yield number, Node("video", f"{number:064x}", f"video {number}", {"uri": f"/v/{number}.mp4"})
        for kind, (start, size) in firsts.items():
            for number in range(size):
                yield start + number, Node(kind, f"{kind} {number}", f"{kind} {number}")

    return made(), firsts


def _edges(
    videos: int, firsts: dict[str, tuple[int, int]]
) -> Iterator[tuple[int, str, int, float, float, float]]:
    draw = np.random.default_rng(7)
    block = 10_000
    for start in range(1, videos + 1, block):
        count = min(block, videos + 1 - start)
        columns = []
        for kind, (wanted, _, _) in KINDS.items():
            first, size = firsts[kind]
            # The reciprocal law: half of all edges lead to the commonest square root of the nodes.
            picks = (size ** draw.random((count, wanted))).astype(np.int64) - 1
            columns += [(RELATIONS[kind], first + picks[:, at]) for at in range(wanted)]
        weights = draw.random((count, len(columns))).round(3)
        for row in range(count):
            for at, (relation, targets) in enumerate(columns):
                yield start + row, relation, int(targets[row]), float(weights[row, at]), 0.0, 5.0


def _walks(store: GraphStore, videos: int, firsts: dict[str, tuple[int, int]]) -> None:
    draw = np.random.default_rng(11)
    chosen = [int(one) for one in draw.integers(1, videos + 1, _QUERIES)]
    _report(
        "2 hops: neighbours of a video, and why",
        [_timed(partial(near, store, v, limit=10)) for v in chosen],
    )
    pairs = []
    for video in chosen:
        links = store.links(video)
        people = [one for one in links if one.target.kind == "person"]
        songs = [one for one in links if one.target.kind == "song"]
        pairs.append([[_number(store, people[0])], [_number(store, songs[0])]])
    _report(
        "videos with this person and this song",
        [_timed(partial(leading_to, store, p, limit=20)) for p in pairs],
    )


def _adding(store: GraphStore) -> None:
    times = []
    for number in range(_QUERIES):
        links = [Link("shows", Node("concept", f"concept {at}"), 0.5) for at in range(20)]
        times.append(_timed(partial(store.put, Node("video", f"new {number}"), links)))
    _report("add one video with 20 edges", times)


def _number(store: GraphStore, link: Link) -> int:
    found = store.id_of(link.target.kind, link.target.key)
    assert found is not None
    return found


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def _report(what: str, seconds: list[float]) -> None:
    median, late = np.median(seconds) * 1000, np.quantile(seconds, 0.95) * 1000
    print(f"| {what} | median {median:.1f} ms, 95% {late:.1f} ms |")


if __name__ == "__main__":
    main()
