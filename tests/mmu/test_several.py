"""Several things at once: order, how far ahead, errors."""

import threading
from collections.abc import Iterator

import pytest

from mmu.errors import ConfigError
from mmu.several import in_order


@pytest.mark.parametrize("at_once", [1, 3])
def test_results_are_in_order_and_no_more_is_read_ahead(at_once: int) -> None:
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(10):
            taken.append(number)
            yield number

    for place, made in enumerate(in_order(lambda n: n * n, items(), at_once=at_once)):
        assert made == place * place
        assert len(taken) <= place + at_once


def test_they_run_at_once() -> None:
    meeting = threading.Barrier(3)
    assert list(in_order(lambda n: meeting.wait(60) >= 0, range(3), at_once=3)) == [True] * 3


def test_an_error_comes_in_its_place() -> None:
    found = in_order(lambda n: 1 // n, [1, 1, 0, 1], at_once=2)
    assert [next(found), next(found)] == [1, 1]
    with pytest.raises(ZeroDivisionError):
        next(found)
    with pytest.raises(ConfigError, match="at_once must be at least 1, not 0"):
        list(in_order(str, [], at_once=0))
