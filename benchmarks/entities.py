"""Names found in short titles: precision and recall by kind.

    python -m benchmarks.entities [--file TSV] [--show]

`benchmarks/data/entities.tsv` holds titles with their names, Chinese and English, with and without
names; they were written for this purpose before the recogniser first read them.
"""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

import kg
from mmu.reasoning.entities import Recogniser, load_recogniser
from models.store import Store

TITLES = Path(__file__).parent / "data" / "entities.tsv"
KINDS = ("person", "place", "brand", "organisation", "work")
#: belief from which a report names an entity that stands in a title alone
SHOWN = 0.35


def read_titles(path: Path = TITLES) -> list[tuple[str, set[str]]]:
    """Titles and the ids of what they name."""
    rows = [line.partition("\t")[::2] for line in path.read_text("utf-8").splitlines() if line]
    return [(title, set(filter(None, names.split("|")))) for title, names in rows]


def score(recogniser: Recogniser, titles: list[tuple[str, set[str]]], *, show: bool = False) -> Counter[str]:
    """Counts `hit`, `false` and `missed`, in all and for each kind (`hit person`)."""
    counts: Counter[str] = Counter()
    for title, wanted in titles:
        found = {one.named.id for one in recogniser.find(title) if one.belief >= SHOWN}
        for what, ids in (("hit", found & wanted), ("false", found - wanted), ("missed", wanted - found)):
            counts[what] += len(ids)
            counts.update(f"{what} {one.partition(':')[0]}" for one in ids)
            if show and what != "hit" and ids:
                print(f"{what:7} {', '.join(sorted(ids))}\t{title}")
    return counts


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--file", type=Path, default=TITLES, help="titles, tab, kind:name|kind:name")
    parser.add_argument("--show", action="store_true", help="name what is wrong and what is missed")
    args = parser.parse_args()
    counts = score(load_recogniser(Store(), kg.load()), read_titles(args.file), show=args.show)
    print("| kind | names | precision | recall |\n|---|---:|---:|---:|")
    for kind in ("", *KINDS):
        hit, false, missed = (counts[f"{what} {kind}".strip()] for what in ("hit", "false", "missed"))
        precision, recall = hit / max(1, hit + false), hit / max(1, hit + missed)
        print(f"| {kind or 'all'} | {hit + missed} | {precision:.2f} | {recall:.2f} |")


if __name__ == "__main__":
    main()
