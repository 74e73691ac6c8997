"""An analysis process from the side of its worker: start, ask, notice how it ends, start again."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from mmu.errors import ConfigError
from pipelines import wire
from pipelines.config import JobConfig

#: seconds for fetching weights where they are missing, and for loading what is there
FETCH_SECONDS, START_SECONDS = 1800.0, 300.0
_FRAME = re.compile(rb'File "([^"]+)", line (\d+) in (\w+)')


class ProcessDied(Exception):  # noqa: N818 - an event, which callers turn into a row
    """The analysis process ended, or was ended, during a request."""

    def __init__(self, code: str, reason: str, *, by_hand: bool = False) -> None:
        super().__init__(reason)
        #: `native_crash`, `killed` or `timeout`
        self.code = code
        self.reason = reason
        #: killed from outside (SIGKILL, SIGTERM): says nothing of the file
        self.by_hand = by_hand

    def __reduce__(self) -> tuple[Any, ...]:
        return partial(ProcessDied, by_hand=self.by_hand), (self.code, self.reason)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the process made of a request, and the seconds that it took."""

    value: dict[str, Any]
    seconds: float


class Isolated:
    """One analysis process, started at the first request and after every death."""

    def __init__(self, config: JobConfig) -> None:
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._log: Any = None
        self._out = self._in = -1
        self.hello: dict[str, Any] = {}

    def start(self) -> dict[str, Any]:
        """Start the process if there is none; what it says of itself: `pipeline` and `groups`.

        Raises:
            ConfigError: it cannot work with this configuration.
        """
        if self._process is not None and self._process.poll() is None:
            return self.hello
        self.stop()
        reader, child_writes = os.pipe()
        child_reads, writer = os.pipe()
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `stop`
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pipelines.child", str(child_reads), str(child_writes)],
                stdin=subprocess.DEVNULL,
                stdout=self._log,
                stderr=self._log,
                pass_fds=(child_reads, child_writes),
                env=_environment(self._config.threads),
            )
        finally:
            os.close(child_reads)
            os.close(child_writes)
        self._in, self._out = reader, writer
        hello = self._exchange({"config": self._config.model_dump()}, FETCH_SECONDS, "weights", [])
        if "fatal" not in hello:
            hello = self._exchange(None, START_SECONDS, "ready", [])
        if "fatal" in hello:
            self.stop()
            raise ConfigError(hello["fatal"])
        self.hello = hello
        return hello

    def ask(self, request: dict[str, Any], seconds: float) -> dict[str, Any]:
        """The answer to a request.

        Raises:
            ProcessDied: the process crashed, was killed, or took longer than `seconds`; the next
                request has a new one.
            ConfigError: as `start`.
        """
        self.start()
        answer: dict[str, Any] = self._exchange(request, seconds, "answer", [])["answer"]
        return answer

    def ask_together(
        self, requests: Sequence[dict[str, Any]], seconds: float, *, at_once: int
    ) -> list[Answer | None]:
        """Answers to several requests, `at_once` of them at a time, in their order.

        None for those that were under way when the process ended, or when one of them took longer than
        `seconds` and it was stopped: which of them was to blame only asking each alone can tell. The
        others go on in a new process.

        Raises:
            ConfigError: as `start`.
        """
        answers: list[Answer | None] = [None] * len(requests)
        waiting, begun = deque(range(len(requests))), dict[int, float]()
        while waiting or begun:
            try:
                if not begun:
                    self.start()
                while waiting and len(begun) < at_once:
                    number = waiting.popleft()
                    begun[number] = time.monotonic()
                    wire.send(self._out, {**requests[number], "number": number})
                left = min(begun.values()) + seconds - time.monotonic()
                message = wire.receive(self._in, max(0.01, left))
                if message is None:
                    raise BrokenPipeError
                if "answer" in message:
                    number = message["number"]
                    answers[number] = Answer(message["answer"], time.monotonic() - begun.pop(number))
            except (TimeoutError, BrokenPipeError, ValueError):
                self.stop()
                begun.clear()
            except ProcessDied:  # at its start
                break
        return answers

    def _exchange(
        self, message: dict[str, Any] | None, seconds: float, wanted: str, ended: list[str]
    ) -> dict[str, Any]:
        deadline = time.monotonic() + seconds
        try:
            if message is not None:
                wire.send(self._out, message)
            while True:
                answer = wire.receive(self._in, max(0.01, deadline - time.monotonic()))
                if answer is None:
                    raise self._death(ended)
                if wanted in answer or "fatal" in answer:
                    return answer
                if "ended" in answer:
                    ended.append(answer["ended"])
        except TimeoutError:
            self.stop()
            raise ProcessDied(
                "timeout", f"took longer than {seconds:g} seconds and was stopped{_after(ended)}"
            ) from None
        except (BrokenPipeError, ValueError):
            raise self._death(ended) from None

    def _death(self, ended: list[str]) -> ProcessDied:
        """How the process ended, as an error to raise."""
        assert self._process is not None
        try:
            status = self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            status = self._process.wait()
        where = self._last_words()
        self.stop()
        if status in (-signal.SIGKILL, -signal.SIGTERM):
            return ProcessDied(
                "killed", "the analysis process was killed (out of memory, or by hand)", by_hand=True
            )
        name = signal.Signals(-status).name if status < 0 else f"exit status {status}"
        return ProcessDied("native_crash", f"the analysis process crashed ({name}){where or _after(ended)}")

    def _last_words(self) -> str:
        """The innermost line of this project in the trace that Python's fault handler left."""
        if self._log is None:
            return ""
        self._log.seek(0, os.SEEK_END)
        self._log.seek(max(0, self._log.tell() - 65536))
        trace = self._log.read().partition(b"Current thread")[2].partition(b"\n\n")[0]
        for file, line, function in _FRAME.findall(trace):
            path = Path(os.fsdecode(file))
            if path.parent.parent.name in ("mmu", "models", "pipelines") or path.parent.name in (
                "mmu",
                "models",
            ):
                return f" in {path.parent.name}/{path.name}:{int(line)} {function.decode()}"
        return ""

    def stop(self) -> None:
        """End the process, whatever it does."""
        if self._process is not None:
            if self._process.poll() is None:
                self._process.kill()
            self._process.wait()
            self._process = None
        for pipe in (self._in, self._out):
            if pipe >= 0:
                os.close(pipe)
        self._in = self._out = -1
        if self._log is not None:
            with contextlib.suppress(OSError):
                self._log.close()
            self._log = None

    @property
    def pid(self) -> int | None:
        """Process id, or None when there is none."""
        return None if self._process is None else self._process.pid


def _after(ended: list[str]) -> str:
    return f" after the stages {', '.join(ended)}" if ended else ""


def _environment(threads: int) -> dict[str, str]:
    root = str(Path(__file__).resolve().parents[1])
    paths = [root, *(path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path)]
    limits = {f"{name}_NUM_THREADS": str(threads) for name in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    return {**os.environ, **limits, "PYTHONPATH": os.pathsep.join(dict.fromkeys(paths))}
