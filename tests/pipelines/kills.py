"""A kill at a chosen step of what is written to or removed from a storage."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pipelines.storage import Storage


class Killed(BaseException):
    """Stands for SIGKILL: nothing catches it."""


def killed_before(step: int, action: Callable[[], object]) -> tuple[bool, int]:
    """Do `action`, killed before its write or removal number `step`: whether it was, and the steps counted."""
    steps = 0

    def counting(name: str) -> Any:
        real = getattr(Storage, name)

        def wrapped(self: Storage, names: Any, *rest: Any) -> Any:
            nonlocal steps
            for one in names if name == "remove" else [names]:
                steps += 1
                if steps == step:
                    raise Killed
                real(self, [one] if name == "remove" else one, *rest)

        return wrapped

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Storage, "write", counting("write"))
        patch.setattr(Storage, "remove", counting("remove"))
        try:
            action()
        except Killed:
            return True, steps
    return False, steps
