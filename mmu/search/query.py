"""What a query asks for: its words, its parts, and which things of the index each part may mean."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from kg import Graph
from kg.entities import load_entities
from kg.linker import folded_with_offsets, is_cjk
from mmu.reasoning.similarity import Embedder
from mmu.search.words import chunks, words

#: cosine of a part and a thing at which it is a guess, and from which it is sure
GUESS, SURE = 0.35, 0.85
#: how much a thing found by the graph is worth, by how it hangs together with what was asked
BELOW, ABOVE, ASIDE = 0.95, 0.45, 0.35
#: steps down the graph that are still what was asked for
_DEEP = 6
#: a mention that is worth less than this is no more than its words
_MENTION = 0.3
#: how much nearness in meaning counts beside what the graph says
_MEANING = 0.8
#: keys by which an index knows what has a name of its own, without the name
_PREFIXES = ("name:person:", "name:place:", "name:brand:", "name:organisation:", "name:work:", "song:")
#: characters of a name, and of a query in which names are looked for
_LONGEST_NAME, _LONGEST_TEXT = 32, 200


@dataclass(frozen=True, slots=True, eq=False)
class Part:
    """One thing that is asked for."""

    text: str
    #: (units,) float32: how far each unit of the index is what is asked for, in [0, 1]
    fits: NDArray[np.float32]


@dataclass(frozen=True, slots=True, eq=False)
class Query:
    """A text query, ready to be run."""

    text: str
    words: list[str]
    parts: list[Part]
    #: (896,) float32
    vector: NDArray[np.float32]


def interpret(
    text: str,
    graph: Graph,
    embedder: Embedder,
    units: Mapping[str, int],
    vectors: NDArray[np.float32],
) -> Query:
    """Understand a query.

    Args:
        text: in Chinese, English or both.
        graph: names of concepts are looked up in it, and it says what else would do.
        embedder: for what no name matches.
        units: key of each thing of the index -> its id.
        vectors: (units, 896) float32 of the things, by id.
    """
    asked: dict[str, dict[str, float]] = {}
    rest, reached = [], 0
    mentions = [(one.start, one.end, one.concept, one.weight) for one in graph.link(text)]
    for start, end, key, weight in sorted([*mentions, *named(text, units)]):
        if weight < _MENTION:
            continue
        concepts = asked.setdefault(text[start:end].casefold(), {})
        concepts[key] = max(weight, concepts.get(key, 0.0))
        rest.append(text[reached : max(reached, start)])
        reached = max(reached, end)
    rest.append(text[reached:])
    for one in rest:
        for chunk in chunks(one):
            asked.setdefault(chunk, {})
    names = list(asked)
    # What is known by name to the index need not be embedded again.
    known = {name: [units[one] for one in asked[name] if one in units] for name in names}
    embedded = embedder.embed([text, *(name for name in names if not known[name])])
    fresh = iter(embedded[1:])
    own = [vectors[known[name]].mean(axis=0) if known[name] else next(fresh) for name in names]
    near = (
        np.array(own).reshape(len(names), -1) @ vectors.T
        if names and len(vectors)
        else np.zeros((len(names), 0))
    )
    meaning = np.clip((near - GUESS) / (SURE - GUESS), 0.0, 1.0)
    parts = []
    for name, row in zip(names, meaning, strict=True):
        fits = np.asarray(row * (_MEANING if asked[name] else 1.0), np.float32)
        for concept, weight in asked[name].items():
            for key, worth in expand(concept, graph).items():
                if key in units:
                    fits[units[key]] = max(fits[units[key]], worth * weight)
        parts.append(Part(name, fits))
    return Query(text, words(text), parts, embedded[0])


def named(text: str, units: Mapping[str, int]) -> list[tuple[int, int, str, float]]:
    """Entities and songs of the index that a text names: start, end, key, weight."""
    found = [
        (one.start, one.end, f"name:{one.concept}", one.weight)
        for one in load_entities().link(text)
        if f"name:{one.concept}" in units
    ]
    folded, origin = folded_with_offsets(text[:_LONGEST_TEXT])
    for start in range(len(folded)):
        if start and _is_latin(folded[start - 1]) and _is_latin(folded[start]):
            continue
        for end in range(start + 2, min(len(folded), start + _LONGEST_NAME) + 1):
            if end < len(folded) and _is_latin(folded[end - 1]) and _is_latin(folded[end]):
                continue
            for prefix in _PREFIXES:
                key = prefix + folded[start:end]
                if key in units:
                    found.append((origin[start], origin[end - 1] + 1, key, 1.0))
    return found


def _is_latin(character: str) -> bool:
    return character.isalnum() and not is_cjk(character)


def expand(concept: str, graph: Graph) -> dict[str, float]:
    """Concepts that would do for one that is asked for, and how well, in (0, 1].

    Kinds of it, what it is a kind of, and what it implies, is part of, is used in or goes with; for a name or
    song nothing else.
    """
    found = {concept: 1.0}
    if concept not in graph:
        return found
    level = [concept]
    for _ in range(_DEEP):
        level = [child for one in level for child in graph.children(one) if child not in found]
        found.update(dict.fromkeys(level, BELOW))
    for above, weight in graph.ancestors(concept).items():
        # What nearly everything is a kind of says nothing.
        found.setdefault(above, ABOVE * weight / (1 + len(graph.children(above)) / 40))
    for edge in graph.edges(concept, ("implies", "part_of", "used_in", "co_occurs")):
        found.setdefault(edge.target, ASIDE * edge.weight)
    return found
