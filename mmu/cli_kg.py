"""`mmu kg`: the knowledge graph, and the memory of videos that hangs on it."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import kg.cli
from mmu.errors import ConfigError

if TYPE_CHECKING:
    from kg.store import Node
    from mmu.memory.memory import Memory


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `kg` command: what `kg.cli` offers, and `add`, `query`, `export`."""
    return kg.cli.add_parser(commands, extend=_extend)


def _extend(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    place = argparse.ArgumentParser(add_help=False)
    place.add_argument("--memory", type=Path, metavar="DIR", help="memory to use (default: the user's own)")
    add = commands.add_parser("add", parents=[place], help="remember the videos of reports")
    add.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json|DIR")
    query = commands.add_parser("query", help="ask the memory of videos")
    asked = query.add_subparsers(dest="query", required=True, metavar="WHAT")
    shown = argparse.ArgumentParser(add_help=False, parents=[place])
    shown.add_argument("--limit", type=int, default=10, metavar="N")
    shown.add_argument("--json", action="store_true", help="one JSON object a line")
    with_ = asked.add_parser("with", parents=[shown], help="videos with all of these")
    with_.add_argument("what", nargs="+", metavar="NAME", help="person, voice, song, name, topic or concept")
    near = asked.add_parser("near", parents=[shown], help="videos that share most with one, and what")
    near.add_argument("video", help="URI, file name, title or SHA-256")
    follows = asked.add_parser("follows", parents=[shown], help="what is likely with a concept or a video")
    follows.add_argument("what", metavar="CONCEPT|VIDEO")
    counts = asked.add_parser("counts", parents=[place], help="nodes by kind and edges by relation")
    counts.add_argument("--json", action="store_true")
    export = commands.add_parser("export", parents=[place], help="write the memory for another tool")
    export.add_argument("--graphml", type=Path, metavar="FILE")
    export.add_argument("--csv", type=Path, metavar="DIR", help="nodes.csv, edges.csv for a bulk import")


def run(args: argparse.Namespace) -> int:
    """Run one `kg` command; 1 when something was not found or could not be used."""
    if args.kg_command not in ("add", "query", "export"):
        return kg.cli.run(args)
    if getattr(args, "limit", 1) < 1:
        raise ConfigError(f"--limit must be at least 1, not {args.limit}")
    if args.kg_command == "export" and not (args.graphml or args.csv):
        raise ConfigError("say where to write: --graphml FILE or --csv DIR")
    from mmu.memory.memory import Memory
    from mmu.report.folder import Reading

    reading = Reading(args.reports) if args.kg_command == "add" else None
    with Memory(args.memory, create=reading is not None, graph=kg.load(args.root)) as memory:
        if reading is not None:
            new = sum(memory.add(report) for report in reading)
            print(f"{new} new, {memory.store.counts().get('video', 0)} videos in {memory.folder}")
            return 1 if reading.bad else 0
        return _export(memory, args) if args.kg_command == "export" else _QUERIES[args.query](memory, args)


def _export(memory: Memory, args: argparse.Namespace) -> int:
    from kg.export import to_csv, to_graphml

    if args.graphml:
        to_graphml(memory.store, args.graphml)
        print(args.graphml)
    for path in to_csv(memory.store, args.csv) if args.csv else ():
        print(path)
    return 0


def _with(memory: Memory, args: argparse.Namespace) -> int:
    found = memory.videos_with(*args.what, limit=args.limit)
    for node, weight in found:
        _print(args, {"video": _video(node), "weight": weight}, f"{weight:.2f}  {_line(node)}")
    return _found(found, args)


def _near(memory: Memory, args: argparse.Namespace) -> int:
    found = memory.neighbours(args.video, limit=args.limit)
    for node, weight, shared in found:
        why = [
            {"relation": one.relation, "kind": one.node.kind, "name": one.node.name, "weight": one.weight}
            for one in shared
        ]
        reasons = ", ".join(f"{one.relation} {one.node.name or one.node.key}" for one in shared[:5])
        data = {"video": _video(node), "weight": weight, "shared": why}
        _print(args, data, f"{weight:.3f}  {_line(node)}\n       {reasons}")
    return _found(found, args)


def _follows(memory: Memory, args: argparse.Namespace) -> int:
    found = memory.follows(args.what, limit=args.limit)
    for one in found:
        _print(args, asdict(one), f"{one.probability:.2f}  {one.concept:<24} {one.name}  ({one.why})")
    return _found(found, args)


def _counts(memory: Memory, args: argparse.Namespace) -> int:
    counts = memory.store.counts()
    lines = [f"{name}: {count}" for name, count in counts.items()]
    print(json.dumps(counts) if args.json else "\n".join(lines))
    return 0


def _found(found: list[Any], args: argparse.Namespace) -> int:
    if not found and not args.json:
        print("nothing found")
    return 0 if found else 1


def _print(args: argparse.Namespace, data: dict[str, Any], line: str) -> None:
    print(json.dumps(data, ensure_ascii=False) if args.json else line)


def _video(node: Node) -> dict[str, Any]:
    return {"id": node.key, "name": node.name, **node.data}


def _line(node: Node) -> str:
    return f"{node.name}  {node.data.get('uri', node.key[:12])}"


_QUERIES = {"with": _with, "near": _near, "follows": _follows, "counts": _counts}
