"""Search by example: copies through the hashes of frames, likeness through what is shown and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mmu.errors import StoreError
from mmu.originals.fingerprint import fingerprint_report
from mmu.originals.store import Originals
from mmu.reasoning.similarity import Embedder
from mmu.report.schema import Report
from mmu.search.document import Document, Times
from mmu.search.query import Part, Query
from mmu.search.reasons import Reason
from mmu.search.words import words

#: things of an example that are looked for, the surest first
_THINGS = 16
#: cosine of two things from which one stands for the other, and that at which they are the same
_LIKE, _SAME = 0.4, 0.9


@dataclass(frozen=True, slots=True)
class CopyFound:
    """A video of the index that shares pictures with the example."""

    sha256: str
    score: float
    span: Times | None
    text: str

    def reason(self) -> Reason:
        """As the reason of a hit."""
        return Reason(
            "copy", "the same pictures", self.text, self.span, round(self.score, 4), "hashes of frames"
        )


class Copies:
    """The hashes of the index's videos, kept as an index of originals beside it."""

    def __init__(self, folder: Path) -> None:
        self._index = Originals(folder)

    def add(self, reports: Sequence[Report]) -> None:
        """Add the hashes of reports that have any."""
        with_frames = [one for one in reports if one.originality and one.originality.frames]
        self._index.add_many([(fingerprint_report(one), one.uri) for one in with_frames])

    def remove(self, ids: Sequence[str]) -> None:
        """Forget videos, known or not."""
        for one in ids:
            try:
                self._index.remove(one)
            except StoreError:
                continue

    def of(self, report: Report) -> list[CopyFound]:
        """Videos of which the report's video is a copy, whole or in part."""
        if not report.originality or not report.originality.frames:
            return []
        found = []
        for one in self._index.check(fingerprint_report(report)):
            spans = [(part.original_start, part.original_end) for part in one.copy.spans]
            span = (min(start for start, _ in spans), max(end for _, end in spans)) if spans else None
            text = f"{one.kind}, {one.copy.variant}, {one.share:.0%} of the example"
            found.append(CopyFound(one.sha256, one.copy.score, span, text))
        return found

    def close(self) -> None:
        """Close the files."""
        self._index.close()


def as_query(
    example: Document, units: Mapping[str, int], vectors: NDArray[np.float32], embedder: Embedder
) -> Query:
    """A query for videos like the example: each of its things is asked for, and its words."""
    things = [thing for thing in example.things if thing.score >= 0.1][:_THINGS]
    embedded = embedder.embed([thing.text for thing in things])
    near = (
        embedded @ vectors.T
        if len(vectors) and len(things)
        else np.zeros((len(things), len(units)), np.float32)
    )
    fits = np.clip((near - _LIKE) / (_SAME - _LIKE), 0.0, 1.0).astype(np.float32)
    parts = []
    for thing, row in zip(things, fits, strict=True):
        if thing.key in units:
            row[units[thing.key]] = 1.0
        parts.append(Part(thing.text, row * np.float32(thing.score)))
    mixed = (np.array([thing.score for thing in things], np.float32)[:, None] * embedded).sum(axis=0)
    size = float(np.linalg.norm(mixed))
    said = list(dict.fromkeys(word for passage in example.passages for word in words(passage.text)))
    return Query(example.name, said[:40], parts, np.asarray(mixed / max(size, 1e-9), np.float32))
