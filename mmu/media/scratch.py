"""Folders for what was decoded, which do not outlive their process, however that ends.

All folders of a process lie in one, beside a file that it holds locked for as long as it lives. A process
that makes its first folder removes what was left by those that could not clean up: nobody holds their lock.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import shutil
import tempfile
import threading
import time
from pathlib import Path
from typing import BinaryIO

from models.lock import try_lock

_PREFIX = "mmu-scratch-"
_LOCK = "lock"
#: seconds after which a folder without a lock file is not one that is just being made
_YOUNG = 3600.0

_guard = threading.Lock()
#: (process, folder that holds all) -> the folder of this process, with its lock
_homes: dict[tuple[int, Path], tuple[Path, BinaryIO]] = {}


def new_folder(parent: str | os.PathLike[str] | None = None) -> Path:
    """A new empty folder below `parent` (default: the system's temporary folder) for one clip.

    Raises:
        OSError: there can be none.
    """
    base = Path(parent or tempfile.gettempdir())
    with _guard:
        key = (os.getpid(), base)
        # A cleaner of temporary files may have taken it away.
        if key not in _homes or not _homes[key][0].is_dir():
            _sweep(base)
            _homes[key] = _make_home(base)
            atexit.register(_remove_home, key)
        return Path(tempfile.mkdtemp(prefix="clip-", dir=_homes[key][0]))


def _make_home(base: Path) -> tuple[Path, BinaryIO]:
    while True:
        home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=base))
        file = (home / _LOCK).open("wb")
        # Before the lock is held another process may have swept the folder away.
        if try_lock(file) and (home / _LOCK).exists():
            return home, file
        file.close()


def _remove_home(key: tuple[int, Path]) -> None:
    if key[0] != os.getpid():  # a copy of the process that made it
        return
    home, file = _homes.pop(key, (None, None))
    if home is not None and file is not None:
        file.close()
        shutil.rmtree(home, ignore_errors=True)


def _sweep(base: Path) -> None:
    """Remove the folders of processes that are gone; those of other users stay."""
    for home in base.glob(f"{_PREFIX}*"):
        with contextlib.suppress(OSError):
            lock = home / _LOCK
            if not lock.exists():
                if time.time() - home.stat().st_mtime > _YOUNG:
                    shutil.rmtree(home)
                continue
            with lock.open("r+b") as file:
                if try_lock(file):
                    shutil.rmtree(home)
