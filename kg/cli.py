"""`mmu kg`: look at the knowledge graph and check it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from kg.errors import GraphError

if TYPE_CHECKING:
    from kg.graph import Concept, Graph


def add_parser(
    subparsers: argparse._SubParsersAction[argparse.ArgumentParser],
    *,
    extend: Callable[[argparse._SubParsersAction[argparse.ArgumentParser]], None] | None = None,
) -> argparse.ArgumentParser:
    """Adds the `kg` command and returns its parser; `run` executes what it parses.

    `extend` may add further commands, which its giver runs.
    """
    parser = subparsers.add_parser("kg", help="look at the knowledge graph and check it")
    parser.add_argument("--root", metavar="DIR", help="ontology folder (default: the shipped one)")
    commands = parser.add_subparsers(dest="kg_command", required=True, metavar="COMMAND")
    commands.add_parser("check", help="validate the ontology; exit code 1 if something is wrong")
    show = commands.add_parser("show", help="one concept with its names and relations")
    show.add_argument("concept", help="concept id, or a name in Chinese or English")
    search = commands.add_parser("search", help="concepts whose names resemble a text")
    search.add_argument("text")
    search.add_argument("--limit", type=int, default=20)
    path = commands.add_parser("path", help="how two concepts hang together")
    path.add_argument("start")
    path.add_argument("goal")
    stats = commands.add_parser("stats", help="counts by facet, vertical, relation and label map")
    stats.add_argument("--json", action="store_true", help="print JSON")
    link = commands.add_parser("link", help="concepts named in a text")
    link.add_argument("text")
    if extend is not None:
        extend(commands)
    return parser


def run(args: argparse.Namespace) -> int:
    """Runs one `kg` command. Returns the exit code: 0 fine, 1 problems found, 2 unusable input."""
    from kg.load import load

    try:
        graph = load(args.root)
        return _COMMANDS[args.kg_command](graph, args)
    except GraphError as error:
        print(f"mmu kg: {error}", file=sys.stderr)
        return 2


def _resolve(graph: Graph, text: str) -> Concept:
    if text in graph:
        return graph.concept(text)
    named = graph.by_name(text)
    return graph.concept(named[0][0] if named else text)


def _check(graph: Graph, args: argparse.Namespace) -> int:
    from kg.check import check

    problems = check(graph)
    for problem in problems:
        print(problem)
    print(f"{len(graph)} concepts, {len(problems)} problems")
    return 1 if problems else 0


def _show(graph: Graph, args: argparse.Namespace) -> int:
    concept = _resolve(graph, args.concept)
    print(f"{concept.id}  {concept.zh} / {concept.en}")
    print(f"  facet      {concept.facet}    vertical {concept.vertical or '-'}    file {concept.source}")
    for language in ("zh", "en"):
        names = [
            alias.text if alias.weight == 1.0 else f"{alias.text} ({alias.weight:g})"
            for alias in concept.aliases
            if alias.language == language
        ]
        print(f"  names {language}   {', '.join(names)}")
    for relation in ("is_a", "implies", "part_of", "used_in", "co_occurs"):
        targets = concept.relation(relation)
        if targets:
            print(
                f"  {relation:<10} {', '.join(f'{target} {weight:g}' for target, weight in targets.items())}"
            )
    if concept.excludes:
        print(f"  excludes   {', '.join(concept.excludes)}")
    if concept.opposite:
        print(f"  opposite   {concept.opposite}")
    above = graph.ancestors(concept.id)
    print(f"  above      {', '.join(f'{name} {weight:.2f}' for name, weight in above.items()) or '-'}")
    below = graph.children(concept.id)
    print(
        f"  below      {', '.join(below[:40])}{' ...' if len(below) > 40 else ''}"
        if below
        else "  below      -"
    )
    for vocabulary, entries in sorted(graph.labels.items()):
        labels = [label for label, targets in entries.items() if any(t == concept.id for t, _ in targets)]
        if labels:
            print(f"  {vocabulary}: {', '.join(labels[:30])}{' ...' if len(labels) > 30 else ''}")
    return 0


def _search(graph: Graph, args: argparse.Namespace) -> int:
    found = graph.search(args.text, limit=args.limit)
    for concept, score in found:
        print(f"{score:.2f}  {concept.id:<28} {concept.zh} / {concept.en}  [{concept.facet}]")
    return 0 if found else 1


def _path(graph: Graph, args: argparse.Namespace) -> int:
    start, goal = _resolve(graph, args.start), _resolve(graph, args.goal)
    steps = graph.path(start.id, goal.id)
    if not steps and start.id != goal.id:
        print(f"no path from {start.id} to {goal.id}")
        return 1
    print(start.id)
    for step in steps:
        arrow = (
            f"--{step.relation} {step.weight:g}-->"
            if step.forward
            else f"<--{step.relation} {step.weight:g}--"
        )
        print(f"  {arrow} {step.target if step.forward else step.source}")
    return 0


def _stats(graph: Graph, args: argparse.Namespace) -> int:
    stats = graph.stats()
    if args.json:
        print(json.dumps({"concepts": len(graph), **stats}, ensure_ascii=False, indent=2))
        return 0
    print(f"{len(graph)} concepts")
    for title, counts in stats.items():
        print(f"{title}: " + ", ".join(f"{name} {count}" for name, count in counts.items()))
    return 0


def _link(graph: Graph, args: argparse.Namespace) -> int:
    for mention in graph.link(args.text):
        concept = graph.concept(mention.concept)
        place = f"{mention.start}-{mention.end}"
        print(f"{place}  {mention.alias!r} -> {concept.id} ({concept.zh})  {mention.weight:g}")
    return 0


_COMMANDS = {"check": _check, "show": _show, "search": _search, "path": _path, "stats": _stats, "link": _link}
