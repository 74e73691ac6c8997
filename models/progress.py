"""A progress bar for `mmu models pull`."""

from __future__ import annotations

import sys
import threading
from types import TracebackType
from typing import Any

from models.download import Progress


class Bar(Progress):
    """Bytes that came, of those on their way, on standard error; silent when that is not a terminal.

    Appears with the first byte, and several downloads share it.
    """

    def __init__(self) -> None:
        super().__init__()
        self._lock = threading.Lock()
        self._bar: Any = None

    def __enter__(self) -> Bar:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.close()

    def expect(self, size: int) -> None:
        with self._lock:
            self._shown().total += size
            self._shown().refresh()

    def advance(self, size: int) -> None:
        with self._lock:
            bar = self._shown()
            # What a zip's directory took to read was not announced.
            bar.total = max(bar.total, bar.n + size)
            bar.update(size)

    def _shown(self) -> Any:
        if self._bar is None:
            from tqdm import tqdm

            quiet = not sys.stderr.isatty()
            self._bar = tqdm(total=0, unit="B", unit_scale=True, desc="weights", disable=quiet, leave=False)
        return self._bar
