"""Walks over a graph on disk: what leads to the same things, what lies two steps away, what goes together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from heapq import nsmallest
from typing import NamedTuple

from kg.store import GraphStore, Node, as_node


class Shared(NamedTuple):
    """What two nodes have in common: a node that both lead to, and how much it says."""

    node: Node
    relation: str
    weight: float


def leading_to(
    store: GraphStore, targets: Sequence[Sequence[int]], *, limit: int
) -> list[tuple[Node, float]]:
    """Nodes with an edge to at least one of each group of targets, by the sum of the best weights."""
    if not targets or not all(targets):
        return []
    parts = [
        f"SELECT source, max(weight) AS weight FROM edge WHERE target IN ({', '.join('?' * len(group))}) "
        "GROUP BY source"
        for group in targets
    ]
    rows = store.read(
        "SELECT kind, key, name, data, total FROM (SELECT source, sum(weight) AS total FROM "
        f"({' UNION ALL '.join(parts)}) GROUP BY source HAVING count(*) = {len(targets)}) "
        "JOIN node ON node.id = source ORDER BY total DESC, key LIMIT ?",
        [*(one for group in targets for one in group), limit],
    )
    return [(as_node(row[:4]), float(row[4])) for row in rows]


def near(
    store: GraphStore, node: int, *, limit: int, most: int = 20_000
) -> list[tuple[Node, float, list[Shared]]]:
    """Nodes two steps away, by what they share with this one: rare things count more.

    A shared node weighs the product of both edges over the bits of its degree. The rarest are followed
    first, until `most` edges would have been walked: what nearly all have in common says nothing.
    """
    mine = store.read(
        "SELECT target, relation, weight, degree FROM edge JOIN node ON id = target "
        "WHERE source = ? ORDER BY degree",
        (node,),
    )
    followed: dict[int, tuple[str, float]] = {}
    for target, relation, weight, degree in mine:
        most -= degree
        if most < 0 and followed:
            break
        followed[target] = (relation, weight / int(degree).bit_length())
    rows = store.read(
        f"SELECT source, target, weight FROM edge WHERE target IN ({', '.join('?' * len(followed))}) "
        "AND source <> ?",
        [*followed, node],
    )
    totals: dict[int, float] = defaultdict(float)
    for other, shared, weight in rows:
        totals[other] += weight * followed[shared][1]
    best = nsmallest(limit, totals, key=lambda other: (-totals[other], other))
    why: dict[int, list[Shared]] = {other: [] for other in best}
    for other, shared, weight in rows:
        if other in why:
            relation, share = followed[shared]
            why[other].append(Shared(store.node(shared), relation, weight * share))
    return [
        (store.node(other), totals[other], sorted(why[other], key=lambda one: -one.weight)) for other in best
    ]


def together(store: GraphStore, node: int, *, kind: str, limit: int) -> list[tuple[Node, int, int]]:
    """Nodes of a kind that the same sources lead to: (node, times together, times in all)."""
    rows = store.read(
        "SELECT kind, key, name, data, count(*) AS n, degree FROM edge AS there "
        "JOIN edge AS other ON other.source = there.source AND other.target <> there.target "
        "JOIN node ON node.id = other.target "
        "WHERE there.target = ? AND kind = ? GROUP BY other.target ORDER BY n DESC, key LIMIT ?",
        (node, kind, limit),
    )
    return [(as_node(row[:4]), int(row[4]), int(row[5])) for row in rows]
