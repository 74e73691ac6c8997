"""Analysing processes that outlive the service they were started for, and serve the next one."""

from __future__ import annotations

import threading
from collections import defaultdict
from typing import Any

from mmu.service.runner import ProcessRunner, Progress, RunnerError, Work


class WarmRunners:
    """Gives real runners; one whose service has stopped is taken again for one with the same options."""

    def __init__(self) -> None:
        self._idle: dict[str, list[ProcessRunner]] = defaultdict(list)

    def take(self, options: dict[str, Any]) -> Lent:
        """A runner with these options of `mmu.Analyzer`."""
        idle = self._idle[repr(sorted(options.items()))]
        return Lent(idle.pop() if idle else ProcessRunner(options), idle)

    def close(self) -> None:
        """End the processes."""
        for runners in self._idle.values():
            for runner in runners:
                runner.close()


class Lent:
    """A runner that goes back when it is closed, unless it is at work: then it ends, as others do."""

    def __init__(self, runner: ProcessRunner, home: list[ProcessRunner]) -> None:
        self._runner, self._home = runner, home
        self._lock = threading.Lock()
        self._busy = self._closed = False

    def run(self, work: Work, progress: Progress, *, seconds: float) -> str:
        with self._lock:
            if self._closed:
                raise RunnerError("the service has stopped", code="not_started", again=True)
            self._busy = True
        try:
            return self._runner.run(work, progress, seconds=seconds)
        finally:
            with self._lock:
                self._busy = False

    def close(self) -> None:
        with self._lock:
            self._closed = True
            if not self._busy:
                self._home.append(self._runner)
                return
        self._runner.close()
