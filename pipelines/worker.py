"""The actor of a batch job: one set of loaded networks, one row at a time."""

from __future__ import annotations

import hashlib
from typing import Any

import fsspec

from mmu.analyzer import Analyzer
from mmu.outcome import ErrorItem, Outcome
from mmu.report.schema import Report


class ReportWriter:
    """Turns a row `{uri}` into a row with the outcome and the report.

    Whatever happens to one file becomes its row: Ray never sees an exception
    of a video, so none is lost and none fails the job.
    """

    def __init__(self, out: str | None, options: dict[str, Any]) -> None:
        """Load nothing yet; networks load at the first row.

        Args:
            out: fsspec URL under which `json/ID-URI.json` (hashes) is written; None for no JSON.
            options: of `mmu.Analyzer`.
        """
        self._analyzer = Analyzer(**options)
        self._out = out

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        uri = str(row["uri"])
        try:
            report = self._analyzer.analyze(uri)
            self._write(report)
        except Exception as error:  # a row for every file, whatever went wrong
            item = ErrorItem(where="batch", code="crashed", message=f"{type(error).__name__}: {error}")
            report = Report(id="", uri=uri, outcome=Outcome.FAILED, errors=[item])
        return {
            "uri": uri,
            "id": report.id,
            "outcome": report.outcome.value,
            "error": "; ".join(f"{error.where}: {error.message}" for error in report.errors),
            "seconds": sum(stage.seconds for stage in report.stages),
            "category": report.category.id if report.category else None,
            "tags": [tag.id for tag in report.tags],
            "decision": report.moderation.decision if report.moderation else None,
            "pipeline": self._analyzer.fingerprint,
            "report": report.to_json(indent=None),
        }

    def _write(self, report: Report) -> None:
        if self._out is None:
            return
        # Two files of the same bytes are two videos of the bucket: the name has both.
        place = hashlib.sha256(report.uri.encode()).hexdigest()[:12]
        target = f"{self._out.rstrip('/')}/json/{report.id[:16] or 'unread'}-{place}.json"
        with fsspec.open(target, "wb", auto_mkdir=True) as file:
            file.write(report.to_json().encode())
