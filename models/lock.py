"""A lock between processes, held on a file and freed by the system when its holder dies."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from models.errors import ModelError

if sys.platform == "win32":
    import msvcrt

    def try_lock(file: BinaryIO) -> bool:
        """Lock an open file until it is closed; False when another one holds it."""
        try:
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:
    import fcntl

    def try_lock(file: BinaryIO) -> bool:
        """Lock an open file until it is closed; False when another one holds it."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@contextlib.contextmanager
def locked(path: Path, *, timeout: float = 3600.0, poll: float = 0.2) -> Iterator[None]:
    """Hold the lock file `path`; wait up to `timeout` seconds for another process to let go.

    Raises:
        ModelError: somebody else held it all that time.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + timeout
    with path.open("ab") as file:
        while not try_lock(file):
            if time.monotonic() > deadline:
                raise ModelError(f"another process has held {path} for {timeout:.0f} s; is it stuck?")
            time.sleep(poll)
        # Closing the file frees the lock. It is not deleted: a waiter may hold it open already.
        yield
