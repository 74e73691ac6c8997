"""`odd.agreement`: every odd file ends as its truth says, with the right facts, within the time limit."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable

from benchmarks.reports import Reports
from benchmarks.tasks.odd import compare
from benchmarks.truth import Corpus, Metric, mean
from mmu.errors import MediaError
from mmu.media.open import open_clip

#: a file that takes longer counts as a hang
HANG_SECONDS = 30.0


def agreement(corpus: Corpus, _reports: Reports, limit: int | None) -> Iterable[Metric]:
    """Share of files that agree; what disagrees is printed to stderr."""
    right = []
    slowest = 0.0
    entries = corpus.of("odd", limit=limit)
    for entry in entries:
        started = time.perf_counter()
        try:
            with open_clip(corpus.path(entry["path"])) as clip:
                wrong = compare(entry, clip)
        except MediaError as error:
            wrong = compare(entry, error)
        seconds = time.perf_counter() - started
        slowest = max(slowest, seconds)
        if seconds > HANG_SECONDS:
            wrong.append(f"took {seconds:.0f} s")
        for fault in wrong:
            print(f"odd  {entry['path']}: {fault}", file=sys.stderr)
        right.append(float(not wrong))
    yield Metric("odd", "odd.agreement", mean(right), len(entries))
    yield Metric("odd", "odd.slowest_seconds", slowest, len(entries))
