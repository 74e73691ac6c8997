"""Files inside some folders by their content, for videos that are no longer where their report found them.

Folders are listed, files of the wanted size are hashed, each once: nothing else is opened.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

#: a listing of the folders is kept so long (seconds), and so many times as long as it took
FRESH, FRESH_TIMES = 60.0, 20.0
#: files that are listed, at most
MAX_FILES = 500_000
#: files that are hashed for one search, at most; the next search goes on with others
MAX_HASHED = 8


class Copies:
    """Looks up files by size and SHA-256; safe to share between threads.

    Args:
        roots: the folders, resolved; symbolic links inside them are not followed.
    """

    def __init__(self, roots: Sequence[Path]) -> None:
        self._roots = tuple(roots)
        self._lock = threading.Lock()
        self._by_size: dict[int, list[Path]] = {}
        #: until when the listing is kept, by the monotonic clock; None before the first one
        self._until: float | None = None
        self._hashes: dict[tuple[Path, int, int, int], str] = {}

    def find(self, digest: str, size: int) -> Path | None:
        """A file of this size (bytes) and SHA-256 (64 hexadecimal digits); None where there is none.

        The first search lists the folders, and so does one that finds nothing in a listing that is no
        longer fresh.
        """
        if size <= 0:
            return None
        with self._lock:
            if self._until is not None:
                found = self._among(digest, size)
                if found is not None or time.monotonic() < self._until:
                    return found
            self._list()
            return self._among(digest, size)

    def _among(self, digest: str, size: int) -> Path | None:
        budget = MAX_HASHED
        for path in self._by_size.get(size, ()):
            try:
                info = path.stat(follow_symlinks=False)
                key = (path, info.st_mtime_ns, info.st_ino, info.st_size)
                if info.st_size != size:
                    continue
                if key not in self._hashes:
                    if not budget:
                        return None
                    budget -= 1
                    with path.open("rb") as file:
                        self._hashes[key] = hashlib.file_digest(file, "sha256").hexdigest()
            except OSError:
                continue
            if self._hashes[key] == digest:
                return path
        return None

    def _list(self) -> None:
        start = time.monotonic()
        by_size: dict[int, list[Path]] = defaultdict(list)
        left = MAX_FILES
        folders = [str(root) for root in reversed(self._roots)]
        while folders and left > 0:
            try:
                entries = sorted(os.scandir(folders.pop()), key=lambda entry: entry.name)
            except OSError:
                continue
            for entry in entries:
                try:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif entry.is_file(follow_symlinks=False):
                        by_size[entry.stat(follow_symlinks=False).st_size].append(Path(entry.path))
                        left -= 1
                except OSError:
                    continue
        self._by_size = dict(by_size)
        now = time.monotonic()
        self._until = now + max(FRESH, FRESH_TIMES * (now - start))
