"""The worker of a job: an actor that takes tasks and writes their parts.

It analyses in a process of its own (`pipelines.isolated`), one video after the other or
several at once. Whatever happens to a video becomes its row: a report or a dead letter.
"""

from __future__ import annotations

import hashlib
import json
import os
import socket
import time
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from mmu.errors import ConfigError
from mmu.report.schema import Report
from pipelines.config import JobConfig
from pipelines.isolated import Answer, Isolated, ProcessDied
from pipelines.lease import NAME as LEASE
from pipelines.parts import part_name, read_part, write_part
from pipelines.rows import BadRow, Row
from pipelines.storage import Storage
from pipelines.tables import bad_row, dead_row, report_row

#: reasons that may pass: stores and servers that did not answer, a machine that had too much to do
TRANSIENT = frozenset({"unreadable", "unreachable", "stalled"})
#: seconds before the second try of what may pass
PAUSE = 1.0
#: files below this are not asked for their length: a long video is larger
PROBE_BYTES = 8 * 2**20
#: rows whose report is slower than others', kept for the job's report
SLOWEST = 5
PROBE_SECONDS = 120.0
#: a file that crashes a process is tried once more, alone in a new one
CRASHES = 2


@dataclass(frozen=True, slots=True)
class Task:
    """What a worker gets: rows to analyse, a share of one long video, or the end of one."""

    name: str
    rows: list[Row] = field(default_factory=list)
    bad: list[BadRow] = field(default_factory=list)
    #: stages of a share
    stages: list[str] | None = None
    #: seconds between which they look ahead for the worker that ends the video; None: they look at the whole
    window: tuple[float, float] | None = None
    #: what the workers of the other shares saw, as JSON
    parts: list[str] | None = None
    #: what networks answered about windows, packed
    answers: list[str] = field(default_factory=list)
    #: whether long videos are handed back instead of being analysed
    split: bool = True
    #: workers that died over this task
    deaths: int = 0


@dataclass(slots=True)
class Result:
    """What the driver learns of a task: numbers, never reports."""

    task: str
    keys: list[str] = field(default_factory=list)
    size: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    media_seconds: float = 0.0
    seconds: float = 0.0
    bytes: int = 0
    slowest: list[tuple[float, str]] = field(default_factory=list)
    #: rows that are longer than one worker should take, and their seconds
    long: list[tuple[Row, float]] = field(default_factory=list)
    #: what a share saw, as JSON
    observed: str | None = None
    #: what networks answered about a window, packed
    answers: str | None = None
    #: key of the long video whose pictures the worker still has
    kept: str = ""
    #: why a share cannot be made
    unread: str | None = None


class Worker:
    """One set of loaded networks behind a crash barrier, and the writer of parts."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._config = JobConfig.model_validate(config)
        self._storage = Storage(self._config.out)
        self._isolated = Isolated(self._config)
        self._pipeline = ""

    def ready(self) -> dict[str, Any]:
        """Start the analysis process; the pipeline's fingerprint and groups of stages.

        Raises:
            ConfigError: this node does not see the outputs, or cannot work with this configuration, or
                weights are missing and cannot be fetched.
        """
        if self._storage.local and not self._storage.exists(LEASE):
            raise ConfigError(
                f"{socket.gethostname()} does not see the job's folder {self._storage.url}: "
                "on several nodes --out is an object store or a file system that all of them share"
            )
        hello = self._start()
        self._pipeline = hello["pipeline"]
        return {**hello, "pid": os.getpid(), "child": self._isolated.pid}

    def _start(self) -> dict[str, Any]:
        """Start the analysis process, again when it was killed on the way."""
        for _ in range(self._config.attempts):
            try:
                return self._isolated.start()
            except ProcessDied as error:
                death = error
        raise ConfigError(f"the analysis process does not start: {death.reason}")

    def run(self, task: Task) -> Result:
        """Do a task. Its part is written before this returns."""
        started = time.perf_counter()
        result = self._rows(task) if task.stages is None else self._share(task)
        result.seconds = time.perf_counter() - started
        return result

    def _rows(self, task: Task) -> Result:
        result = Result(task.name)
        rows = [bad_row(bad, self._pipeline) for bad in task.bad]
        result.long = self._long(task.rows) if task.split else []
        long = [row for row, _ in result.long]
        asked = [(row, self._request(row, task)) for row in task.rows if row not in long]
        together = self._together([request for _, request in asked], self._config.video_seconds)
        for (row, request), first in zip(asked, together, strict=True):
            started = time.perf_counter()
            # An error may be another video's fault, as when memory runs out: it counts when met alone.
            answer = first.value if first and "report" in first.value else None
            rows.append(self._report(request, row, answer))
            seconds = time.perf_counter() - started + (first.seconds if first else 0.0)
            result.slowest.append((round(seconds, 3), row.uri))
            result.bytes += row.bytes
        for one in rows:
            count_row(result, one)
        result.slowest = sorted(result.slowest, reverse=True)[:SLOWEST]
        if rows:
            result.size = write_part(self._storage, task.name, rows)
            result.keys = [one["key"] for one in rows]
        return result

    def _together(self, requests: list[dict[str, Any]], seconds: float) -> list[Answer | None]:
        """Answers of the process to several videos at once; None where each is to be asked for alone."""
        at_once = self._config.videos_at_once
        if at_once == 1 or len(requests) < 2:
            return [None] * len(requests)
        return self._isolated.ask_together(requests, seconds, at_once=at_once)

    def _long(self, rows: list[Row]) -> list[tuple[Row, float]]:
        """Those that are longer than one worker should take, and their seconds."""
        limit = self._config.long_seconds
        asked = [row for row in rows if limit is not None and not 0 < row.bytes < PROBE_BYTES]
        requests = [{"op": "probe", "row": row.to_json()} for row in asked]
        found = []
        for row, request, first in zip(asked, requests, self._together(requests, PROBE_SECONDS), strict=True):
            try:
                answer = first.value if first else self._isolated.ask(request, PROBE_SECONDS)
            except ProcessDied:
                continue  # analysing it will say what is wrong
            seconds = float(answer.get("seconds", 0.0))
            if limit is not None and seconds > limit:
                found.append((row, seconds))
        return found

    def _request(self, row: Row, task: Task) -> dict[str, Any]:
        if task.parts is None:
            return {"op": "analyze", "row": row.to_json()}
        parts = [json.loads(part) for part in task.parts]
        return {"op": "conclude", "row": row.to_json(), "parts": parts, "answers": task.answers}

    def _report(
        self, request: dict[str, Any], row: Row, answer: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        """The row of one video: asked again, alone in a new process, when the process died over it.

        Args:
            request: what to ask.
            row: of the source.
            answer: to a first try beside other videos, if it came to its end.
        """
        crashes = tries = 0
        while True:
            tries += 1
            try:
                answer = answer or self._isolated.ask(request, self._config.video_seconds)
            except ProcessDied as death:
                crashes += not death.by_hand
                if death.code == "timeout" or crashes >= CRASHES or tries >= self._config.attempts + crashes:
                    return self._dead(row, death.code, death.reason, tries)
                continue
            if "report" not in answer:
                return self._dead(row, "crashed", str(answer.get("error", "no report")), tries)
            report = Report.model_validate(answer["report"])
            codes = {error.code for error in report.errors if error.where == "media"}
            if codes & TRANSIENT and tries < self._config.attempts:
                time.sleep(PAUSE * 2 ** (tries - 1))
                answer = None
                continue
            made = report_row(row, report, attempts=tries)
            if self._config.json_reports:
                self._write_json(row, report)
            return made

    def _dead(self, row: Row, code: str, reason: str, attempts: int) -> dict[str, Any]:
        return dead_row(row, code=code, reason=reason, pipeline=self._pipeline, attempts=attempts)

    def _share(self, task: Task) -> Result:
        """Some stages on one video or a window of it; what comes of it goes to the driver, for the end."""
        result = Result(task.name)
        row = task.rows[0]
        request: dict[str, Any] = {"op": "observe", "row": row.to_json(), "stages": task.stages}
        if task.window is not None:
            request |= {"op": "look_ahead", "window": task.window}
        try:
            answer = self._isolated.ask(request, self._config.video_seconds)
        except ProcessDied as death:
            answer = {"unread": death.reason}
        result.kept = row.key if answer.get("kept") else ""
        if "observed" in answer:
            result.observed = json.dumps(answer["observed"], ensure_ascii=False)
        elif "answers" in answer:
            result.answers = answer["answers"]
        else:
            result.unread = str(answer.get("unread") or answer.get("error"))
        return result

    def _write_json(self, row: Row, report: Report) -> None:
        # Two files of the same bytes are two videos of the source: the name has both.
        place = hashlib.sha256(row.uri.encode()).hexdigest()[:12]
        self._storage.write(f"json/{report.id[:16] or 'unread'}-{place}.json", report.to_json().encode())

    def stop(self) -> None:
        """End the analysis process."""
        self._isolated.stop()


def result_of_part(storage: Storage, task: str) -> Result | None:
    """What a task did, from its part, for a worker that died before it could say; None without one.

    Raises:
        StoreError: the part cannot be read.
    """
    columns = ["key", "dead", "code", "outcome", "duration", "decision", "tags", "stages", "uri"]
    table = read_part(storage, part_name(task), columns)
    if table is None:
        return None
    result = Result(task)
    for row in table.to_pylist():
        count_row(result, row)
        result.keys.append(row["key"])
    return result


def count_row(result: Result, row: dict[str, Any]) -> None:
    """Add a row to the numbers of its task."""
    if row["dead"]:
        result.outcomes["dead"] += 1
        result.codes[row["code"]] += 1
        return
    result.outcomes[row["outcome"]] += 1
    result.media_seconds += row["duration"] or 0.0
    result.decisions[row["decision"] or "none"] += 1
    for tag in row["tags"]:
        result.tags[tag["id"]] += 1
    for stage in row["stages"]:
        result.stages[stage["name"]] += stage["seconds"]
