"""Finds what is wrong in an ontology that still loads: cycles, hijacked words, unweighted ambiguity, gaps."""

from __future__ import annotations

from collections import defaultdict

from kg.graph import FACETS, Graph
from kg.linker import is_cjk, normalise

#: Words of everyday text that must never link at full weight: each would fire in every second title.
COMMON_WORDS = frozenset(
    """
    a about all an and any are as at back bad be best big but by can come could day do down even first
    for from get give go good great had has have he her here high him his how i if in into is it its
    just keep know last left let life like little live long look made make many may me more most much
    must my need never new next nice no not now of off old on one only open or other our out over own
    part play real right run same say see set she show so some still such take than that the them then
    there these they thing think this time to today too top try turn two under up us use very want was
    way we week well were what when where which who why will with work world year yes you your
    我们 你们 他们 自己 什么 怎么 这个 那个 可以 没有 就是 不是 知道 时候 现在 今天 明天
    昨天 大家 一个 这样 那样 因为 所以 但是 如果 还是 已经 非常 真的 觉得 喜欢 需要 看到
    出来 起来 下来 上来 开始 结束 其实 然后 最后 第一 时间 问题 东西 事情 地方 方法 办法
    样子 意思 感觉 视频 分享 推荐 记录 关注 点赞一下 收藏一下 朋友们 一下 一起 一直 一定
    可能 应该 为什么 怎么办
    """.split()  # noqa: SIM905
)
#: Vocabularies that must map exactly so many labels, for the models shipped with the project.
COMPLETE = {"imagenet1k": 998, "coco": 80}


def check(graph: Graph) -> list[str]:
    """Every problem found, as one sentence each; an empty list is a sound ontology."""
    return [
        *_facets(graph),
        *_cycles(graph),
        *_exclusions(graph),
        *_aliases(graph),
        *_verticals(graph),
        *_orphans(graph),
        *_labels(graph),
    ]


def _facets(graph: Graph) -> list[str]:
    counts = graph.stats()["facets"]
    return [f"facet {facet} has no concept" for facet in FACETS if not counts[facet]]


def _cycles(graph: Graph) -> list[str]:
    problems: list[str] = []
    state: dict[str, int] = {}

    def visit(node: str, trail: list[str]) -> None:
        state[node] = 1
        for parent in graph.concepts[node].is_a:
            if state.get(parent) == 1:
                loop = [*trail[trail.index(parent) :], parent] if parent in trail else [node, parent]
                problems.append("is_a goes in a circle: " + " -> ".join(loop))
            elif parent not in state:
                visit(parent, [*trail, parent])
        state[node] = 2

    for concept in graph.concepts:
        if concept not in state:
            visit(concept, [concept])
    return problems


def _exclusions(graph: Graph) -> list[str]:
    problems = []
    for concept in graph.concepts.values():
        above = graph.ancestors(concept.id)
        for other in concept.excludes:
            if other in above or other in concept.implies:
                problems.append(f"{concept.id} both leads to {other} and excludes it")
    return problems


def _aliases(graph: Graph) -> list[str]:
    problems: list[str] = []
    owners: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for concept in graph.concepts.values():
        seen: set[str] = set()
        for alias in concept.aliases:
            name = normalise(alias.text)
            if name in seen:
                problems.append(f"{concept.id} has the alias {alias.text!r} twice")
            seen.add(name)
            owners[name].append((concept.id, alias.weight))
            if name in COMMON_WORDS and alias.weight > 0.6:
                problems.append(
                    f"{concept.id}: alias {alias.text!r} hijacks a common word; give it a weight below 0.6"
                )
            if alias.language == "zh" and name.isascii() and name.isalpha() and len(name) < 2:
                problems.append(f"{concept.id}: Chinese alias {alias.text!r} is a single letter")
            if alias.language == "en" and any(is_cjk(character) for character in name):
                problems.append(f"{concept.id}: English alias {alias.text!r} holds Chinese characters")
    for name, concepts in owners.items():
        certain = sorted({concept for concept, weight in concepts if weight == 1.0})
        if len(certain) > 1:
            problems.append(f"alias {name!r} is claimed without weight by {', '.join(certain)}")
    return problems


def _verticals(graph: Graph) -> list[str]:
    return [
        f"{concept.id} is filed under {concept.vertical}, which is no topic"
        for concept in graph.concepts.values()
        if concept.vertical and graph.concepts[concept.vertical].facet != "topic"
    ]


def _orphans(graph: Graph) -> list[str]:
    """An element that leads nowhere and to which nothing leads adds nothing to reasoning."""
    reached = {
        target
        for concept in graph.concepts
        for target, _, _ in graph.edges(concept, ("is_a", "implies", "part_of"))
    }
    return [
        f"{concept.id} is connected to nothing"
        for concept in graph.concepts.values()
        if concept.facet == "element" and concept.id not in reached and not graph.edges(concept.id)
    ]


def _labels(graph: Graph) -> list[str]:
    problems = []
    for vocabulary, count in COMPLETE.items():
        found = len(graph.labels.get(vocabulary, {}))
        if found != count:
            problems.append(f"labels/{vocabulary}.yaml maps {found} labels, not {count}")
    for vocabulary, entries in graph.labels.items():
        problems += [
            f"labels/{vocabulary}.yaml: {label!r} maps to nothing" for label, to in entries.items() if not to
        ]
    return problems
