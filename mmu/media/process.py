"""Running the decode worker: limits from outside, and what is left when it dies."""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

#: Environment that the worker sees; nothing else of the caller's environment is its business.
_ENVIRONMENT = (
    *("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT"),
    *("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER"),
)
_MAX_LINE = 64 * 2**20
#: What FFmpeg says on standard error when data are missing, and the code for it.
_LOGGED = (
    (b"File ended prematurely", "truncated", "the file ends before its contents do"),
    (b"partial file", "truncated", "the file ends before its contents do"),
    (b"error while decoding MB", "corrupt_data", "parts of some frames could not be decoded"),
    (b" concealing ", "corrupt_data", "parts of some frames could not be decoded and were filled in"),
)


@dataclass(slots=True)
class WorkerResult:
    """What the worker said, and how it ended."""

    state: dict[str, Any] | None = None
    """The last `state`; its `final` tells whether decoding came to its end."""
    error: tuple[str, str] | None = None
    """(code, sentence) when the worker reported an error or ended before its time."""
    logged: dict[str, str] = field(default_factory=dict)
    """code -> sentence, from FFmpeg's own messages."""


def run_worker(
    request: dict[str, Any],
    *,
    wall_seconds: float,
    stall_seconds: float,
    on_progress: Callable[[float], None] | None = None,
) -> WorkerResult:
    """Run one request in a worker process; never raises for what happens inside it."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "mmu.media.worker"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=_environment(),
    )
    assert process.stdin is not None
    result = WorkerResult()
    log = bytearray()
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(request).encode() + b"\n")
        overdue = _read(process, result, log, wall_seconds, stall_seconds, on_progress)
        if not overdue:
            # Both pipes are closed, so it is about to end; if it does not, it is not ours any more.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=5)
    finally:
        # Whatever happened here (an interrupt, an error in `on_progress`), no worker stays behind.
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    if overdue:
        result.error = overdue
    elif result.error is None and not (result.state and result.state["final"]):
        last_words = log.decode(errors="replace").strip().rpartition("\n")[2]
        result.error = _death(process.returncode, last_words)
    return result


def _read(
    process: subprocess.Popen[bytes],
    result: WorkerResult,
    log: bytearray,
    wall_seconds: float,
    stall_seconds: float,
    on_progress: Callable[[float], None] | None,
) -> tuple[str, str] | None:
    """Read both pipes to their ends; (code, sentence) when a time limit came first."""
    assert process.stdout is not None
    assert process.stderr is not None
    deadline = time.monotonic() + wall_seconds
    patience = Patience(process.pid, stall_seconds)
    lines = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, lines)
        selector.register(process.stderr, selectors.EVENT_READ, log)
        while selector.get_map():
            now = time.monotonic()
            if now >= deadline:
                return "timeout", f"decoding took longer than {wall_seconds:g} seconds and was stopped"
            if patience.left() <= 0:
                return "stalled", f"decoding made no progress for {stall_seconds:g} seconds and was stopped"
            for key, _ in selector.select(min(deadline - now, max(0.0, patience.left()))):
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                key.data.extend(chunk)
                if key.data is lines:
                    if _take_lines(lines, result, on_progress):
                        patience.renew()
                else:
                    _take_log(log, result)
    return None


class Patience:
    """Seconds that a worker may still go without progress; waiting for a processor is not its fault."""

    def __init__(self, pid: int, seconds: float) -> None:
        self._schedule = Path(f"/proc/{pid}/schedstat")
        self._seconds = seconds
        self.renew()

    def renew(self) -> None:
        """It got further: all of the time again."""
        self._since, self._waited = time.monotonic(), self._waiting()

    def left(self) -> float:
        """Seconds left; below zero when it hangs."""
        return self._seconds - (time.monotonic() - self._since) + (self._waiting() - self._waited)

    def _waiting(self) -> float:
        """Seconds that its main thread was ready and not run (Linux: sched-stats.rst); 0 elsewhere."""
        try:
            return int(self._schedule.read_text().split()[1]) / 1e9
        except (OSError, ValueError, IndexError):
            return 0.0


def _take_lines(lines: bytearray, result: WorkerResult, on_progress: Callable[[float], None] | None) -> bool:
    """Take the complete lines; whether the worker got further."""
    moved = False
    while (end := lines.find(b"\n")) >= 0:
        event = json.loads(bytes(lines[:end]))
        del lines[: end + 1]
        if event["event"] == "error":
            result.error = (event["code"], event["message"])
        else:
            moved = moved or result.state is None or _end(event) > _end(result.state)
            result.state = event
            if on_progress is not None:
                on_progress(_end(event))
    if len(lines) > _MAX_LINE:
        raise RuntimeError("the decode worker sent a line without end")
    return moved


def _end(state: dict[str, Any]) -> float:
    """Seconds in the container's clock up to which the worker has come."""
    return float(max((state[part]["end"] for part in ("pictures", "sound") if part in state), default=0.0))


def _take_log(log: bytearray, result: WorkerResult) -> None:
    for phrase, code, sentence in _LOGGED:
        if phrase in log:
            result.logged.setdefault(code, sentence)
    del log[:-256]  # a phrase may be split between two reads


def _death(status: int, last_words: str) -> tuple[str, str]:
    if status == -signal.SIGXCPU:
        return "cpu_limit", "decoding used more processor time than allowed and was stopped"
    if status == -signal.SIGKILL:
        return "decoder_killed", "the decoding process was killed (out of memory, or by hand)"
    if status < 0:
        name = signal.Signals(-status).name
        return "decoder_crash", f"the decoder crashed on this file ({name})"
    return "decoder_crash", f"the decoder stopped unexpectedly on this file ({last_words or status})"


def _environment() -> dict[str, str]:
    kept = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
    root = str(Path(__file__).resolve().parents[2])
    return {
        **kept,
        "PYTHONPATH": root,
        "PYTHONDONTWRITEBYTECODE": os.environ.get("PYTHONDONTWRITEBYTECODE", ""),
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
    }
