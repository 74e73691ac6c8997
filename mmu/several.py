"""Work on several things at once, with results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

from mmu.errors import ConfigError

Item = TypeVar("Item")
Made = TypeVar("Made")


def in_order(work: Callable[[Item], Made], items: Iterable[Item], *, at_once: int) -> Iterator[Made]:
    """Results of `work` in the order of the items, of which no more than `at_once` are taken ahead.

    An error comes where its result would; then, or when the iterator is closed, what was begun is ended
    first.

    Raises:
        ConfigError: `at_once` is below 1.
    """
    if at_once < 1:
        raise ConfigError(f"at_once must be at least 1, not {at_once}")
    if at_once == 1:
        yield from map(work, items)
        return
    with ThreadPoolExecutor(at_once, thread_name_prefix="several") as pool:
        begun: deque[Future[Made]] = deque()
        for item in items:
            begun.append(pool.submit(work, item))
            if len(begun) == at_once:
                yield begun.popleft().result()
        while begun:
            yield begun.popleft().result()
