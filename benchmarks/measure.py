"""Run a command and measure it: wall time, CPU time and peak memory of its whole process tree."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True, slots=True)
class Measured:
    """Seconds and megabytes of one run, and what it printed as JSON on its last line."""

    wall: float
    cpu: float
    peak_mb: float
    result: Any


def measure(module: str, *args: str, interval: float = 0.1) -> Measured:
    """Run `python -m module args…` and watch its process tree.

    Raises:
        RuntimeError: it failed; the end of what it printed is in the message.
    """
    before = os.times()
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", module, *args], stdout=subprocess.PIPE, text=True)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(_resident(pid) for pid in _tree(process.pid)))
        time.sleep(interval)
    wall = time.perf_counter() - started
    output = (process.stdout.read() if process.stdout else "").strip()
    if process.returncode:
        raise RuntimeError(f"{module} ended with {process.returncode}: {output[-400:]}")
    after = os.times()
    cpu = after.children_user - before.children_user + after.children_system - before.children_system
    return Measured(wall, cpu, peak / 1e6, json.loads(output.splitlines()[-1]))


def _tree(root: int) -> Sequence[int]:
    found = [root]
    for pid in found:
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:
                continue
    return found


def _resident(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE
    except (OSError, IndexError):
        return 0
