"""Processes that use the queue are killed at random moments: nothing is lost, nothing decided twice.

The long version is `python -m benchmarks.queue kills --queue URL` (20 kills).
"""

from __future__ import annotations

import pytest

from benchmarks.queue import kills


@pytest.mark.slow
def test_nothing_is_lost_or_decided_twice(url: str) -> None:
    found = kills(url, tasks=120, count=3, seed=7, patience=90)
    assert (found["kills"], found["lost"], found["decided_twice"], found["dead"]) == (3, 0, 0, 0)
