"""Do titles that are true of their video raise no alarm, and titles of other videos one?

    python -m benchmarks.contradictions --corpus DIR [--cache DIR] [--show]

True titles of a tagged file: its caption (zh and en, as MMU writes it) and the
words of its published truth (the first Chinese and the first English term of
every expectation). Swapped titles: the truth's words of the next file that
shares no expectation with it.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import kg
from benchmarks.reports import Reports
from benchmarks.truth import Entry, read_corpus
from mmu.errors import USER_ERRORS
from mmu.reasoning.contradictions import find_contradictions
from mmu.reasoning.observe import observe
from mmu.reasoning.settings import load_settings
from mmu.reasoning.similarity import TopicSimilarity, load_similarity
from mmu.report.schema import Contradiction, Report
from mmu.signals import Signal, SignalSet
from models.store import Store

#: score from which the shipped policy counts a disagreement
COUNTED = 0.6


def titles_of(entry: Entry) -> list[str]:
    """A Chinese and an English title from the words of the truth."""
    zh, en = [], []
    for expectation in entry["expect"]:
        zh += [term for term in expectation["any_of"] if not term.isascii()][:1]
        en += [term for term in expectation["any_of"] if term.isascii()][:1]
    return ["，".join(dict.fromkeys(zh)), ", ".join(dict.fromkeys(en))]


def terms(entry: Entry) -> set[str]:
    """Every word that the truth accepts, in lower case."""
    return {term.casefold() for expectation in entry["expect"] for term in expectation["any_of"]}


def swapped(entries: Sequence[Entry]) -> Iterator[tuple[Entry, Entry]]:
    """Every file with the next one that shares no term with it."""
    for place, entry in enumerate(entries):
        for step in range(7, len(entries)):
            other = entries[(place + step) % len(entries)]
            if not terms(entry) & terms(other):
                yield entry, other
                break


class Judge:
    """Says whether a title disagrees with a stored report."""

    def __init__(self, similarity: TopicSimilarity | None) -> None:
        self._graph, self._settings, self._similarity = kg.load(), load_settings(), similarity

    def judge(self, report: Report, title: str) -> Contradiction | None:
        given = [one for one in report.signals if not one["kind"].startswith("user.")]
        signals = SignalSet(
            [Signal("user.title", title, None, None, "user"), *(Signal.from_json(one) for one in given)]
        )
        duration = report.media.duration if report.media else 0.0
        frame = report.media.frame if report.media else None
        observations = observe(signals, self._graph, self._settings, duration, frame=frame)
        found = find_contradictions(
            observations, self._graph, self._settings, title=title, similarity=self._similarity
        )
        return found[0] if found else None


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 on wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.contradictions", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--corpus", type=Path, required=True, help="folder with truth.jsonl")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="keep reports between runs")
    parser.add_argument("--show", action="store_true", help="print every alarm")
    args = parser.parse_args(argv)
    try:
        entries = read_corpus(args.corpus).of("tags")
        reports = Reports(args.corpus, cache=args.cache)
        stored = {entry["path"]: reports.get(entry["path"]) for entry in entries}
    except USER_ERRORS as fault:
        print(f"contradictions: {fault}", file=sys.stderr)
        return 2
    judge = Judge(load_similarity(Store()))
    captions = [(path, report.caption.text) for path, report in stored.items() if report.caption]
    cases = {
        "true: caption": [(path, text) for path, name in captions for text in (name.zh, name.en)],
        "true: words of the truth": [(one["path"], text) for one in entries for text in titles_of(one)],
        "swapped": [(one["path"], text) for one, other in swapped(entries) for text in titles_of(other)],
    }
    print("| titles | cases | any alarm | counted by the policy |\n|---|---:|---:|---:|")
    for name, pairs in cases.items():
        found = [(path, title, judge.judge(stored[path], title)) for path, title in pairs]
        alarms = [(path, title, one) for path, title, one in found if one is not None]
        counted = sum(one.score >= COUNTED for *_, one in alarms)
        print(f"| {name} | {len(pairs)} | {len(alarms) / len(pairs):.3f} | {counted / len(pairs):.3f} |")
        if args.show:
            for path, title, one in alarms:
                print(
                    f"    {one.score:.2f} {path}: {title} ≠ {', '.join(one.found.concepts)}", file=sys.stderr
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
