"""Where a job keeps its outputs: a folder or a bucket prefix, through fsspec.

A file is there whole or not at all: locally it is written beside its place,
synced and renamed; object stores make an object visible when its upload ends.
What a network or a server does now and then (time-outs, resets, 5xx, 429) is
tried again with growing pauses.
"""

from __future__ import annotations

import errno
import os
import random
import re
import time
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

import fsspec

from mmu.errors import ConfigError, StoreError

T = TypeVar("T")

ATTEMPTS = 5
#: seconds before the second attempt; doubles each time, with up to as much again at random
FIRST_PAUSE = 0.25
#: errors that no second attempt changes
_FINAL = (FileNotFoundError, PermissionError, IsADirectoryError, NotADirectoryError, FileExistsError)
#: names of files that are being written
_BESIDE = re.compile(r"^\..+\.\d+\.[0-9a-f]{8}$")
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)


def retrying(work: Callable[[], T], *, attempts: int = ATTEMPTS, pause: float = FIRST_PAUSE) -> T:
    """What `work` returns, tried again with growing pauses when it fails in a way that may pass.

    Raises:
        Exception: what `work` raised last, or at once what no second attempt changes.
    """
    for attempt in range(attempts):
        try:
            return work()
        except _FINAL:
            raise
        except (OSError, TimeoutError) as error:
            if attempt + 1 == attempts or getattr(error, "errno", None) in _FULL:
                raise
            time.sleep(pause * 2**attempt * (1 + random.random()))
    raise AssertionError("unreachable")


class Storage:
    """A folder or bucket prefix; names are relative to it and use `/`."""

    def __init__(self, url: str) -> None:
        """Open, without touching anything yet.

        Raises:
            ConfigError: an unknown scheme, or its package is not installed.
        """
        try:
            self._fs, root = fsspec.core.url_to_fs(url.rstrip("/") or url)
        except (ImportError, ValueError) as error:
            raise ConfigError(f"cannot open {url}: {error}") from error
        self.url = url.rstrip("/") or url
        self._root = root.rstrip("/")
        self.local = "file" in _protocols(self._fs)

    def __reduce__(self) -> tuple[Any, ...]:
        return Storage, (self.url,)

    @property
    def filesystem(self) -> Any:
        """The fsspec filesystem, for readers of Parquet."""
        return self._fs

    def path(self, name: str) -> str:
        """The filesystem's own path of a name."""
        return f"{self._root}/{name}" if name else self._root

    def check_writable(self) -> None:
        """Write and remove a small file, so that a job fails before its work and not after it.

        Raises:
            ConfigError: the place cannot be written to.
        """
        name = f"_check-{os.getpid()}-{random.getrandbits(32):08x}"
        try:
            self.write(name, b"mmu")
            self.remove([name])
        except StoreError as error:
            raise ConfigError(f"cannot write to {self.url}: {error}") from error

    def write(self, name: str, data: bytes) -> None:
        """Put a file whole, over an older one.

        Raises:
            StoreError: it cannot be written.
        """
        path = self.path(name)
        try:
            if self.local:
                _write_local(path, data)
            else:
                retrying(lambda: self._fs.pipe_file(path, data))
        except Exception as error:  # every store's client has errors of its own
            raise StoreError(f"cannot write {self.url}/{name}: {_sentence(error)}") from error

    def read(self, name: str) -> bytes | None:
        """The bytes of a file, or None when it is not there.

        Raises:
            StoreError: it is there and cannot be read.
        """
        try:
            data: bytes = retrying(lambda: self._fs.cat_file(self.path(name)))
        except FileNotFoundError:
            return None
        except Exception as error:  # as above
            raise StoreError(f"cannot read {self.url}/{name}: {_sentence(error)}") from error
        return data

    def names(self, folder: str, suffix: str = "") -> list[str]:
        """Names of all files under a folder, deep, sorted; what is still being written is left out.

        Raises:
            StoreError: it cannot be listed.
        """
        return sorted(self.sizes(folder, suffix))

    def sizes(self, folder: str, suffix: str = "") -> dict[str, int]:
        """Bytes of all files under a folder, by name; in no order, otherwise as `names`.

        Raises:
            StoreError: it cannot be listed.
        """
        place = self.path(folder)
        try:
            self._fs.invalidate_cache()
            found = retrying(lambda: self._fs.find(place, detail=True))
        except FileNotFoundError:
            return {}
        except Exception as error:  # as above
            raise StoreError(f"cannot list {self.url}/{folder}: {_sentence(error)}") from error
        start = len(self._root) + 1
        below = f"{folder}/" if folder else ""
        names = {str(path)[start:]: int(facts.get("size") or 0) for path, facts in found.items()}
        # Some stores list the mark of an empty folder as a file of the folder's name.
        return {
            name: size
            for name, size in names.items()
            if name.startswith(below) and name.endswith(suffix) and not _hidden(name)
        }

    def exists(self, name: str) -> bool:
        """Whether a file is there.

        Raises:
            StoreError: the store does not say.
        """
        try:
            self._fs.invalidate_cache()
            # `exists` of many stores takes any error for a no.
            retrying(lambda: self._fs.info(self.path(name)))
        except FileNotFoundError:
            return False
        except Exception as error:  # as above
            raise StoreError(f"cannot look at {self.url}/{name}: {_sentence(error)}") from error
        return True

    def remove(self, names: list[str]) -> None:
        """Remove files; those that are gone already are fine."""
        for name in names:
            try:
                retrying(partial(self._fs.rm_file, self.path(name)))
            except FileNotFoundError:
                continue
            except Exception as error:  # as above
                raise StoreError(f"cannot remove {self.url}/{name}: {_sentence(error)}") from error

    def sweep(self, *folders: str) -> None:
        """Remove what killed writers left half written in local folders."""
        if not self.local:
            return
        for folder in folders:
            for place, _, files in os.walk(self.path(folder)):
                for file in files:
                    if _BESIDE.match(file):
                        _remove_quietly(os.path.join(place, file))  # noqa: PTH118


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _hidden(name: str) -> bool:
    return name.rpartition("/")[2].startswith(".")


def _write_local(path: str, data: bytes) -> None:
    folder, _, name = path.rpartition("/")
    os.makedirs(folder, exist_ok=True)  # noqa: PTH103 - paths of fsspec are strings
    beside = f"{folder}/.{name}.{os.getpid()}.{random.getrandbits(32):08x}"
    try:
        with open(beside, "wb") as file:  # noqa: PTH123
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)  # noqa: PTH105
    except BaseException:
        _remove_quietly(beside)
        raise
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _remove_quietly(path: str) -> None:
    try:
        os.unlink(path)  # noqa: PTH108
    except OSError:
        return


def _sentence(error: Exception) -> str:
    text = str(error).strip().split("\n")[0][:300]
    return text or type(error).__name__
