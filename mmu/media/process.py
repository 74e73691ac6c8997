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
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "LANG", "TMPDIR", "VIRTUAL_ENV", "SYSTEMROOT")
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
    request: dict[str, Any], *, wall_seconds: float, on_progress: Callable[[float], None] | None = None
) -> WorkerResult:
    """Run one request in a worker process; never raises for what happens inside it."""
    deadline = time.monotonic() + wall_seconds
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
    timed_out = False
    try:
        with contextlib.suppress(BrokenPipeError), process.stdin:
            process.stdin.write(json.dumps(request).encode() + b"\n")
        timed_out = not _read(process, result, log, deadline, on_progress)
    finally:
        if process.poll() is None and timed_out:
            process.kill()
        try:
            process.wait(timeout=max(1.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()
    last_words = log.decode(errors="replace").strip().rpartition("\n")[2]
    if timed_out:
        result.error = ("timeout", f"decoding took longer than {wall_seconds:g} seconds and was stopped")
    elif result.error is None and not (result.state and result.state["final"]):
        result.error = _death(process.returncode, last_words)
    return result


def _read(
    process: subprocess.Popen[bytes],
    result: WorkerResult,
    log: bytearray,
    deadline: float,
    on_progress: Callable[[float], None] | None,
) -> bool:
    """Read both pipes to their ends; False when the deadline came first."""
    assert process.stdout is not None
    assert process.stderr is not None
    lines = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ, lines)
        selector.register(process.stderr, selectors.EVENT_READ, log)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _ in selector.select(left):
                chunk = os.read(key.fd, 1 << 16)
                if not chunk:
                    selector.unregister(key.fileobj)
                    continue
                key.data.extend(chunk)
                if key.data is lines:
                    _take_lines(lines, result, on_progress)
                else:
                    _take_log(log, result)
    return True


def _take_lines(lines: bytearray, result: WorkerResult, on_progress: Callable[[float], None] | None) -> None:
    while (end := lines.find(b"\n")) >= 0:
        event = json.loads(bytes(lines[:end]))
        del lines[: end + 1]
        if event["event"] == "error":
            result.error = (event["code"], event["message"])
        else:
            result.state = event
            if on_progress is not None:
                ends = [event[part]["end"] for part in ("pictures", "sound") if part in event]
                on_progress(max(ends, default=0.0))
    if len(lines) > _MAX_LINE:
        raise RuntimeError("the decode worker sent a line without end")


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
