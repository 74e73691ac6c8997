"""One job at a time writes to a place.

The file `_job.json` names the process that holds the place and is renewed while it runs. A holder on
this machine that is gone, or one elsewhere that has not renewed it for a while, gives way.
"""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import socket
import time
from types import TracebackType
from typing import Any, Self

from mmu.errors import ConfigError, StoreError
from pipelines.storage import Storage

NAME = "_job.json"
RENEW = 20.0
#: seconds without renewal after which a holder on another machine is taken for dead
STALE = 90.0


class Lease:
    """The right to write to a place; a context manager."""

    def __init__(self, storage: Storage, *, takeover: bool = False) -> None:
        """Take it.

        Raises:
            ConfigError: another job holds it.
        """
        self._storage = storage
        self._token = secrets.token_hex(8)
        self._renewed = 0.0
        held = self._read()
        if held and not takeover and _alive(held):
            seen = time.time() - float(held.get("time") or 0)
            raise ConfigError(
                f"{storage.url}: a job of {held.get('host')} (process {held.get('pid')}) writes there, "
                f"last seen {seen:.0f} s ago; wait for it, or give --takeover if it is dead"
            )
        self._write()
        time.sleep(0 if storage.local else 0.5)
        if (self._read() or {}).get("token") != self._token:
            raise ConfigError(f"{storage.url}: another job started to write there at the same moment")

    def renew(self) -> None:
        """Say that the job lives, now and then.

        Raises:
            ConfigError: another job has taken the place.
        """
        if time.monotonic() - self._renewed < RENEW:
            return
        held = self._read()
        if held and held.get("token") != self._token:
            raise ConfigError(f"{self._storage.url}: another job has taken over; this one stops")
        self._write()

    def _read(self) -> dict[str, Any] | None:
        data = self._storage.read(NAME)
        if not data:
            return None
        try:
            held = json.loads(data)
        except ValueError:
            return None
        return held if isinstance(held, dict) else None

    def _write(self) -> None:
        holder = {
            "token": self._token,
            "host": socket.gethostname(),
            "pid": os.getpid(),
            "start": _start_of(os.getpid()),
            "time": time.time(),
        }
        self._storage.write(NAME, json.dumps(holder).encode())
        self._renewed = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(StoreError):
            held = self._read()
            if held and held.get("token") == self._token:
                self._storage.remove([NAME])


def _alive(held: dict[str, Any]) -> bool:
    if held.get("host") == socket.gethostname():
        start = _start_of(held.get("pid"))
        return start is not None and start == held.get("start")
    return time.time() - float(held.get("time") or 0) < STALE


def _start_of(pid: Any) -> str | None:
    """When a process of this machine started, in clock ticks since boot: tells reused ids apart."""
    try:
        with open(f"/proc/{int(pid)}/stat", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return file.read().rpartition(")")[2].split()[19]
    except (OSError, ValueError, TypeError, IndexError):
        return None
