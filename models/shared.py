"""Networks that several stages of a process use: loaded once, freed by the last that lets go."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar, cast

Loaded = TypeVar("Loaded")


class Shared:
    """Loaded networks by key, with the number of their users."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._held: dict[tuple[Any, ...], tuple[Any, int]] = {}

    def get(self, key: tuple[Any, ...], load: Callable[[], Loaded]) -> Loaded:
        """What `load` gives, loaded once for this key."""
        with self._lock:
            value, users = self._held[key] if key in self._held else (load(), 0)
            self._held[key] = (value, users + 1)
            return cast(Loaded, value)

    def release(self, key: tuple[Any, ...]) -> bool:
        """Let go; whether that was the last user."""
        with self._lock:
            if key not in self._held:
                return False
            value, users = self._held.pop(key)
            if users > 1:
                self._held[key] = (value, users - 1)
            return users <= 1
