"""API keys: 256 random bits, kept as SHA-256 only.

A key is not a password: nobody chose it and nobody can guess it, so a fast hash is enough.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
import tempfile
import time
from pathlib import Path

from mmu.errors import ConfigError, StoreError

PREFIX = "mmu_"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")


class KeyFile:
    """Names and hashes of keys in one JSON file that only its owner can read; read again when it changes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._read_at: tuple[int, int] | None = None
        self._hashes: dict[str, str] = {}

    def owner(self, key: str) -> str | None:
        """The name of a key, None for an unknown one.

        Raises:
            StoreError: the file cannot be read.
        """
        self._refresh()
        given = _hash(key)
        found = None
        for name, stored in self._hashes.items():
            if hmac.compare_digest(stored, given):
                found = name
        return found

    def names(self) -> list[str]:
        """Names of all keys."""
        self._refresh()
        return sorted(self._hashes)

    def add(self, name: str) -> str:
        """Make a key; what is returned is shown once and stored nowhere.

        Raises:
            ConfigError: a name that is taken, or not of letters, digits, `.`, `_` and `-`.
        """
        self._refresh()
        if not _NAME.fullmatch(name):
            raise ConfigError(f"{name!r} cannot name a key: up to 64 letters, digits, '.', '_', '-'")
        if name in self._hashes:
            raise ConfigError(f"there is a key named {name!r} already")
        key = PREFIX + secrets.token_urlsafe(32)
        self._write({**self._hashes, name: _hash(key)})
        return key

    def remove(self, name: str) -> None:
        """Forget a key; a running service stops taking it at its next request.

        Raises:
            ConfigError: there is no such key.
        """
        self._refresh()
        if name not in self._hashes:
            raise ConfigError(f"there is no key named {name!r}; keys: {', '.join(self.names()) or 'none'}")
        self._write({other: stored for other, stored in self._hashes.items() if other != name})

    def _refresh(self) -> None:
        try:
            facts = self._path.stat()
        except FileNotFoundError:
            self._hashes, self._read_at = {}, None
            return
        except OSError as error:
            raise StoreError(f"cannot read the keys in {self._path}: {error}") from error
        stamp = (facts.st_mtime_ns, facts.st_ino)
        if stamp == self._read_at:
            return
        try:
            rows = json.loads(self._path.read_text(encoding="utf-8"))["keys"]
            self._hashes = {str(row["name"]): str(row["sha256"]) for row in rows}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StoreError(f"{self._path} is not a file of API keys: {error}") from error
        self._read_at = stamp

    def _write(self, hashes: dict[str, str]) -> None:
        rows = [{"name": name, "sha256": stored} for name, stored in sorted(hashes.items())]
        body = json.dumps({"written": int(time.time()), "keys": rows}, indent=1)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(body + "\n")
            Path(part).replace(self._path)
        except OSError as error:
            raise StoreError(f"cannot write the keys to {self._path}: {error}") from error
        self._refresh()


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()
