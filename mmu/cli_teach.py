"""`mmu teach`: new concepts from a handful of examples, usable at once in later reports."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from mmu.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mmu.report.schema import Report
    from mmu.taught.spaces import Example
    from mmu.taught.store import TaughtConcept, TaughtStore

DESCRIPTION = """\
Teach a concept from 3 to 10 examples (more are welcome). Nothing is trained: what the
examples share becomes a prototype, the name a node of the graph, and later reports tag it.

  mmu teach 煎饼果子 --examples a.mp4 b.mp4 c.json --not pizza.mp4 --is-a food
  mmu teach 追星 --examples "text:哥哥太帅了" "text:演唱会好燃" fans.txt
  mmu teach list
  mmu teach test clip.mp4 "text:今天的煎饼"     how sure it is, without a report
  mmu teach remove 煎饼果子

An example is a clip, a picture or a recording, a stored report (.json; with embeddings if faces,
voices and pictures shall count), a file of texts (.txt, one a line), or `text:WORDS`.
Each example is tested by what the others teach, and the result is shown.
"""
RESERVED = ("list", "remove", "test")


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `teach` command."""
    parser = commands.add_parser(
        "teach",
        help="teach a new concept from a few examples; list, test, remove",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("name", metavar="NAME|list|test|remove")
    parser.add_argument(
        "items", nargs="*", metavar="ITEM", help="of `remove`: the name; of `test`: what to judge"
    )
    parser.add_argument("--examples", nargs="+", default=[], metavar="ITEM", help="what shows the concept")
    parser.add_argument(
        "--not", nargs="+", default=[], dest="against", metavar="ITEM", help="what resembles it and is not it"
    )
    parser.add_argument(
        "--is-a", nargs="+", default=[], metavar="CONCEPT", help="broader concepts (id or name)"
    )
    parser.add_argument("--facet", default="topic", help="kind of tag (default: topic)")
    parser.add_argument(
        "--taught", type=Path, metavar="DIR", help="where concepts are kept (default: $MMU_HOME/taught)"
    )
    return parser


def run(args: argparse.Namespace) -> int:
    """Teach, list, test or remove; 1 when what was taught fails on half of its own examples."""
    from mmu.taught.store import TaughtStore

    store = TaughtStore(args.taught)
    if args.name in RESERVED:
        if args.examples or args.against:
            raise ConfigError(
                f"{args.name!r} takes no --examples; to teach a concept of this name, rename it"
            )
        if args.name == "list":
            return _list(store)
        if not args.items:
            raise ConfigError(f"mmu teach {args.name}: name what to {args.name}")
        return _remove(store, args.items) if args.name == "remove" else _test(store, args.items)
    if args.items:
        raise ConfigError(f"examples of {args.name!r} follow --examples: {' '.join(args.items)}")
    if not args.examples:
        raise ConfigError(f"no --examples of {args.name!r}")
    return _teach(store, args)


def _teach(store: TaughtStore, args: argparse.Namespace) -> int:
    import kg
    from mmu.taught.teach import teach

    named = _read([*args.examples], store), _read([*args.against], store)
    concept = teach(args.name, *named, graph=kg.load(), facet=args.facet, is_a=args.is_a)
    place = store.save(concept)
    _print_trial(concept)
    print(f"kept in {place}; `mmu teach remove {concept.name}` forgets it")
    return int(concept.measured.found < 0.5)


def _print_trial(concept: TaughtConcept) -> None:
    print(f"{concept.name} ({concept.concept}): by {', '.join(concept.spaces)}")
    for names, values, wanted in (
        (concept.examples, concept.measured.examples, True),
        (concept.against, concept.measured.others, False),
    ):
        for name, value in zip(names, values, strict=True):
            right = (value >= 0.5) == wanted
            print(f"  {'ok ' if right else 'BAD'} {value:.2f} {'' if wanted else 'not '}{name}")
    trial = concept.measured
    alarms = "" if trial.false_alarms is None else f", {trial.false_alarms:.0%} false alarms"
    print(f"left out one at a time: {trial.found:.0%} of {len(trial.examples)} examples found{alarms}")


def _list(store: TaughtStore) -> int:
    for one in store.all():
        trial = one.measured
        print(
            f"{one.name}\t{one.concept}\t{len(one.examples)} examples, {len(one.against)} against\t"
            f"{', '.join(one.spaces)}\tfound {trial.found:.0%}"
        )
    return 0


def _remove(store: TaughtStore, names: Sequence[str]) -> int:
    for name in names:
        store.remove(name)
        print(f"removed {name}")
    return 0


def _test(store: TaughtStore, items: Sequence[str]) -> int:
    from mmu.errors import StoreError
    from mmu.taught.learn import probability

    concepts = store.all()
    if not concepts:
        raise StoreError(f"nothing was taught yet in {store.root}")
    for name, example in _read(items, store):
        print(name)
        for concept in concepts:
            print(f"  {probability(concept.prototypes, example):.2f}  {concept.name}")
    return 0


def _read(items: Sequence[str], store: TaughtStore) -> list[tuple[str, Example]]:
    from functools import cache

    from mmu.analyzer import Analyzer
    from mmu.reasoning.similarity import load_similarity
    from mmu.taught.examples import read_examples
    from models.store import Store

    @cache
    def analyzer() -> Analyzer:
        return Analyzer(embeddings=True, taught=store.root)

    def analyse(path: Path) -> Report:
        return analyzer().analyze(path)

    return read_examples(items, analyse=analyse, embedder=load_similarity(Store()))
