"""Read pickles from strangers: only plain values and the classes a caller lists, nothing that runs code."""

from __future__ import annotations

import io
import pickle
from collections.abc import Callable, Mapping
from typing import Any


class RestrictedUnpickler(pickle.Unpickler):
    """An unpickler that finds no class but those of `allowed` ("module name" -> what to use in its place).

    Raises (on load):
        ValueError: the pickle wants anything else.
    """

    def __init__(
        self,
        data: bytes,
        *,
        allowed: Mapping[str, Callable[..., Any]] | None = None,
        persistent: Callable[[Any], Any] | None = None,
    ) -> None:
        super().__init__(io.BytesIO(data))
        self._allowed = dict(allowed or {})
        self._persistent = persistent

    def find_class(self, module: str, name: str) -> Any:
        try:
            return self._allowed[f"{module} {name}"]
        except KeyError:
            raise ValueError(f"the pickle wants {module}.{name}, which is not allowed") from None

    def persistent_load(self, pid: Any) -> Any:
        if self._persistent is None:
            raise ValueError("the pickle refers to data outside itself")
        return self._persistent(pid)


def unpickle(data: bytes) -> Any:
    """Return the plain value of a pickle.

    Raises:
        ValueError: not a pickle, or one that needs any class.
    """
    try:
        return RestrictedUnpickler(data).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError) as error:
        raise ValueError(f"not a readable pickle: {error}") from error
