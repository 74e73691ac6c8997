"""Where a video is analysed: a process of its own, so that whatever it does costs one job."""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Protocol

#: (stage, stages ended, stages in all)
Progress = Callable[[str, int, int], None]

#: seconds that a process gets to load before it has to answer
_LOAD_SECONDS = 120.0
_CLOSE_SECONDS = 5.0


class RunnerError(Exception):
    """No report came back. `again`: the job is worth another try."""

    def __init__(self, message: str, *, code: str, again: bool) -> None:
        super().__init__(message)
        self.code, self.again = code, again


@dataclass(frozen=True, slots=True)
class Work:
    """One video: a path or URL, and what its user wrote."""

    source: str
    title: str
    topics: tuple[str, ...]


class Runner(Protocol):
    """Analyses one video at a time."""

    def run(self, work: Work, progress: Progress, *, seconds: float) -> str:
        """The report as JSON.

        Args:
            work: the video.
            progress: called as stages end.
            seconds: longest wall time.

        Raises:
            RunnerError: the process died, took too long, or could not start.
        """
        ...

    def close(self) -> None:
        """Stop; a video that is being analysed is lost."""
        ...


class ProcessRunner:
    """An `Analyzer` in a spawned process; a new one is started when it is gone."""

    def __init__(self, options: dict[str, Any]) -> None:
        """Start nothing yet.

        Args:
            options: of `mmu.Analyzer`.
        """
        self._options = options
        self._context = multiprocessing.get_context("spawn")
        self._process: Any = None
        self._pipe: Connection | None = None
        self._closed = False

    def run(self, work: Work, progress: Progress, *, seconds: float) -> str:
        pipe = self._started()
        deadline = time.monotonic() + seconds
        try:
            pipe.send(work)
            while True:
                if not pipe.poll(max(0.0, deadline - time.monotonic())):
                    self._reset()
                    raise RunnerError(f"took longer than {seconds:g} s", code="timeout", again=False)
                kind, *values = pipe.recv()
                if kind == "progress":
                    progress(*values)
                elif kind == "report":
                    return str(values[0])
                else:
                    raise RunnerError(str(values[0]), code="analyzer", again=False)
        except (EOFError, OSError) as error:
            self._process.join(_CLOSE_SECONDS)
            code = self._process.exitcode
            self._reset()
            raise RunnerError(
                f"the process that analysed it died (exit code {code})", code="crashed", again=True
            ) from error

    def _started(self) -> Connection:
        if self._pipe is not None and self._process.is_alive():
            return self._pipe
        self._reset()
        mine, theirs = self._context.Pipe()
        self._process = self._context.Process(target=_work, args=(theirs, self._options), daemon=False)
        self._process.start()
        theirs.close()
        self._pipe = mine
        try:
            if not self._closed and mine.poll(_LOAD_SECONDS) and mine.recv()[0] == "ready":
                return mine
        except (EOFError, OSError):
            pass
        self._reset()
        raise RunnerError("the analysing process did not start", code="not_started", again=True)

    def _reset(self) -> None:
        """Only in the thread that runs: no process, no pipe."""
        if self._pipe is not None:
            self._pipe.close()
            self._pipe = None
        _end(self._process)
        self._process = None

    def close(self) -> None:
        self._closed = True
        _end(self._process)


def _end(process: Any) -> None:
    """Stop a process, by force if need be."""
    if process is None:
        return
    process.terminate()
    process.join(_CLOSE_SECONDS)
    if process.is_alive():
        process.kill()
        process.join()


def _work(pipe: Connection, options: dict[str, Any]) -> None:
    """The other process: answers until the pipe closes."""
    from mmu.analyzer import Analyzer

    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt), Analyzer(**options) as analyzer:
        pipe.send(("ready",))
        while True:
            work: Work = pipe.recv()
            try:
                report = analyzer.analyze(
                    work.source,
                    title=work.title,
                    topics=work.topics,
                    progress=lambda *facts: pipe.send(("progress", *facts)),
                )
            except Exception as error:  # the caller turns it into the failed state of this job
                pipe.send(("error", f"{type(error).__name__}: {error}"))
                continue
            pipe.send(("report", report.to_json(indent=None)))
