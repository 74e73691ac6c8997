"""Find a clip by a one-line description of what it shows, in Chinese and in English."""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from benchmarks.reports import Reports
from benchmarks.truth import Corpus, Metric, mean
from mmu.outcome import Outcome
from mmu.search.index import SearchIndex

#: one line a file of the corpus: name, description in Chinese and in English
DESCRIPTIONS = Path(__file__).parents[1] / "data" / "descriptions.tsv"
#: a clip counts as found among so many
AT = 5


def read(path: Path = DESCRIPTIONS) -> list[dict[str, str]]:
    """The descriptions: `name`, `zh`, `en`."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def score(corpus: Corpus, reports: Reports, limit: int | None) -> Iterable[Metric]:
    """recall@5 and mean reciprocal rank over the described files of the corpus, indexed together."""
    paths = {
        PurePosixPath(entry["path"]).name: entry["path"]
        for entries in corpus.entries.values()
        for entry in entries
        if "path" in entry
    }
    for entry in corpus.of("near_duplicate"):
        paths |= {PurePosixPath(path).name: path for path in entry["paths"]}
    described = [one for one in read() if one["name"] in paths][:limit]
    if not described:
        return
    with tempfile.TemporaryDirectory() as folder, SearchIndex(Path(folder)) as index:
        found = {one["name"]: reports.get(paths[one["name"]]) for one in described}
        readable = [report for report in found.values() if report.outcome != Outcome.FAILED]
        index.add(readable)
        for language in ("zh", "en"):
            ranks = [_rank(index, one[language], found[one["name"]].id, len(readable)) for one in described]
            hits = [float(rank <= AT) for rank in ranks]
            note = f"of {len(readable)} files; first {mean([float(rank == 1) for rank in ranks]) or 0:.2f}"
            yield Metric("retrieval", f"retrieval.recall@5_{language}", mean(hits), len(ranks), note)


def _rank(index: SearchIndex, text: str, wanted: str, size: int) -> int:
    """Rank of the wanted video from 1; beyond all where it is not found."""
    ids = [hit.id for hit in index.search(text, limit=size)]
    return ids.index(wanted) + 1 if wanted in ids else size + 1
