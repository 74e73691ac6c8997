"""Answers of networks, kept by what they were asked: how one process works for another.

The windows of a long video are looked at by several workers, which keep what their networks answered.
Then the stages run over the whole video and find most of the answers there. What nobody asked before is
computed, so the result is that of one process, whatever was kept.
"""

from __future__ import annotations

import hashlib
import pickle
import threading
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import wraps
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np

_P = ParamSpec("_P")
_R = TypeVar("_R")


class Answers:
    """What was answered, by the stage, the function and its arguments; for several threads."""

    def __init__(self) -> None:
        self._kept: dict[bytes, bytes] = {}
        self._lock = threading.Lock()
        #: how often an answer was there, and how often not
        self.found = self.missing = 0
        #: seconds that stages took to get them
        self.seconds: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._kept)

    @contextmanager
    def of(self, stage: str) -> Iterator[None]:
        """While the block runs, functions that this thread calls by `recalled` answer from here."""
        token = _current.set((self, stage))
        try:
            yield
        finally:
            _current.reset(token)

    def add(self, other: Answers) -> None:
        """Take over what another has."""
        self._kept |= other._kept
        self.seconds += other.seconds

    def to_bytes(self) -> bytes:
        """To be sent to a process of the same job."""
        return zlib.compress(pickle.dumps((self._kept, self.seconds), protocol=5), 1)

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """What `to_bytes` gave; the data are trusted, as pickles have to be."""
        answers = cls()
        answers._kept, answers.seconds = pickle.loads(zlib.decompress(data))
        return answers

    def ask(self, key: bytes, function: Callable[[], Any]) -> Any:
        """The answer that is kept under `key`, or the one that `function` gives now."""
        with self._lock:
            kept = self._kept.get(key)
            self.found += kept is not None
            self.missing += kept is None
        if kept is not None:
            return pickle.loads(kept)
        answer = function()
        # Packed at once: a caller may change what it got.
        packed = pickle.dumps(answer, protocol=5)
        with self._lock:
            self._kept[key] = packed
        return answer


_current: ContextVar[tuple[Answers, str] | None] = ContextVar("answers", default=None)


def recalled(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """The function, or its answer where it is known to the block of `Answers.of` that runs.

    Args:
        function: gives the same for the same arguments, which are arrays, plain values, or sequences and
            dataclasses of them; a stage has one network at most behind each of its names.
    """
    current = _current.get()
    if current is None:
        return function
    answers, stage = current

    @wraps(function)
    def ask(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        digest = hashlib.blake2b(digest_size=16)
        _feed(digest, (stage, function.__qualname__, args, sorted(kwargs.items())))
        answer: _R = answers.ask(digest.digest(), lambda: function(*args, **kwargs))
        return answer

    return ask


def _feed(digest: hashlib.blake2b, value: Any) -> None:
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype.str}{value.shape}".encode())
        digest.update(np.ascontiguousarray(value).data)
    elif value is None or isinstance(value, str | bytes | bool | int | float | np.generic):
        digest.update(f"{type(value).__name__} {value!r};".encode())
    elif isinstance(value, Mapping):
        _feed(digest, sorted(value.items()))
    elif isinstance(value, Sequence):
        digest.update(f"[{len(value)}".encode())
        for one in value:
            _feed(digest, one)
    elif is_dataclass(value):
        digest.update(type(value).__qualname__.encode())
        for field in fields(value):
            _feed(digest, getattr(value, field.name))
    else:
        raise TypeError(f"{type(value).__name__} cannot be recalled by")
