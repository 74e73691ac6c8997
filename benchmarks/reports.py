"""Reports of corpus files, each analysed once, with the shipped defaults unless told otherwise."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from pydantic import ValidationError

from mmu.analyzer import Analyzer
from mmu.report.schema import Report


class Reports:
    """Analyses on demand and remembers; `cache` keeps reports between runs of one pipeline."""

    def __init__(self, root: Path, *, cache: Path | None = None, analyzer: Analyzer | None = None) -> None:
        self._root = root
        self._analyzer = analyzer or Analyzer(embeddings=True)
        self._known: dict[str, Report] = {}
        self._cache = None if cache is None else cache / self._analyzer.fingerprint
        self.seconds: dict[str, float] = {}

    @property
    def analyzer(self) -> Analyzer:
        return self._analyzer

    @property
    def known(self) -> list[Report]:
        """The reports so far, in the order they were asked for."""
        return list(self._known.values())

    def get(self, path: str) -> Report:
        """The report of one file of the corpus."""
        if path not in self._known:
            self._known[path] = self._load(path) or self._analyse(path)
        return self._known[path]

    def so_far(self) -> list[Report]:
        """The reports that were asked for until now."""
        return list(self._known.values())

    def _analyse(self, path: str) -> Report:
        started = time.perf_counter()
        report = self._analyzer.analyze(self._root / path)
        self.seconds[path] = time.perf_counter() - started
        print(f"{self.seconds[path]:6.1f} s  {report.outcome:8} {path}", file=sys.stderr, flush=True)
        if self._cache is not None:
            place = self._place(path)
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(report.to_json(indent=None), encoding="utf-8")
        return report

    def _load(self, path: str) -> Report | None:
        if self._cache is None:
            return None
        try:
            return Report.model_validate_json(self._place(path).read_text(encoding="utf-8"))
        except (OSError, ValidationError):
            return None

    def _place(self, path: str) -> Path:
        assert self._cache is not None
        return self._cache / (path.replace("/", "__") + ".json")
