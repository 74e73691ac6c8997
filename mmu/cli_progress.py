"""How far a command is, on standard error: a bar in a terminal, now and then a line elsewhere."""

from __future__ import annotations

import sys
import time
from typing import Any

#: seconds between two lines where there is no terminal
_EVERY = 10.0


class Steps:
    """Counts steps of known number; a context manager.

    Args:
        what: what a step is, such as `files`.
        total: how many there will be.
        every: seconds between two lines where standard error is not a terminal; the first comes at once.
    """

    def __init__(self, what: str, total: int, *, every: float = _EVERY) -> None:
        self._what, self._total, self._every = what, total, every
        self.done = 0
        self._said = float("-inf")
        self._bar: Any = None

    def __enter__(self) -> Steps:
        if sys.stderr.isatty():
            from tqdm import tqdm

            self._bar = tqdm(total=self._total, desc=self._what, leave=False)
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, name: str = "") -> None:
        """The next one begins; `name` says which."""
        self.done += 1
        if self._bar is not None:
            self._bar.set_postfix_str(name[-40:], refresh=False)
            self._bar.update(1)
            return
        now = time.monotonic()
        if now - self._said >= self._every:
            self._said = now
            shown = f" ({name})" if name else ""
            print(f"{self._what}: {self.done} of {self._total}{shown}", file=sys.stderr, flush=True)
