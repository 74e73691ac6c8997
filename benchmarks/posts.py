"""Posts a second through `mmu topics clean`, on one core, with and without text encoders.

    python -m benchmarks.posts [--posts N] [--characters C] [--topics T]

Posts are composed of names of the graph and everyday sentences with a fixed
seed, each with its own text and topics. CPU seconds are counted, so that other
work on the machine matters little; start-up (graph, encoders) is left out.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from collections.abc import Iterator

import kg
from mmu.reasoning.similarity import TopicSimilarity, load_similarity
from mmu.topics.clean import clean_lines
from mmu.topics.segment import load_segmenter
from models.store import Store
from models.text_background import BACKGROUND


def compose(graph: kg.Graph, count: int, characters: int, topics: int) -> Iterator[str]:
    """Posts as JSON lines."""
    draw = random.Random(20261125)
    names = [one.zh for one in graph.concepts.values()]
    for number in range(count):
        text = f"{number}"
        while len(text) < characters:
            text += draw.choice(BACKGROUND) + draw.choice(names) + "，"
        yield json.dumps(
            {"title": text[:20], "text": text[20:characters], "topics": draw.sample(names, topics)}
        )


def main() -> int:
    """Measure both ways and print a row each."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.posts", description=__doc__.splitlines()[0])
    parser.add_argument("--posts", type=int, default=200)
    parser.add_argument("--characters", type=int, default=60)
    parser.add_argument("--topics", type=int, default=4)
    args = parser.parse_args()
    graph, store = kg.load(), Store()
    segmenter = load_segmenter(store)
    print("| with | posts | posts a CPU second |\n|---|---:|---:|")
    for name, similarity, count in (
        ("words only", None, 10 * args.posts),
        ("text encoders", load_similarity(store), args.posts),
    ):
        if name != "words only" and similarity is None:
            print("posts: run `mmu models pull text-e5-small text-use`", file=sys.stderr)
            return 2
        lines = list(compose(graph, count + 1, args.characters, args.topics))
        _clean(lines[:1], graph, similarity, segmenter)
        started = time.process_time()
        _clean(lines[1:], graph, similarity, segmenter)
        print(f"| {name} | {count} | {count / (time.process_time() - started):.0f} |")
    return 0


def _clean(lines: list[str], graph: kg.Graph, similarity: TopicSimilarity | None, segmenter: object) -> None:
    done = list(clean_lines(lines, graph=graph, similarity=similarity, segmenter=segmenter))  # type: ignore[arg-type]
    assert all("decisions" in one for one in done)


if __name__ == "__main__":
    sys.exit(main())
