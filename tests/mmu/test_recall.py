"""Answers are kept by the stage, the function and what it was asked, and travel between processes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from mmu.recall import Answers, recalled
from mmu.signals import Box


@dataclass(frozen=True)
class _Piece:
    box: Box
    samples: np.ndarray


class _Network:
    def __init__(self) -> None:
        self.asked = 0

    def look(self, image: np.ndarray, pieces: list[_Piece], *, side: int = 1) -> list[float]:
        self.asked += 1
        return [float(image.sum()) * side, *(float(piece.samples.sum()) for piece in pieces)]

    def hear(self, image: np.ndarray, pieces: list[_Piece], *, side: int = 1) -> list[float]:
        return [-one for one in self.look(image, pieces, side=side)]


IMAGE = np.arange(12, dtype=np.uint8).reshape(3, 4)
PIECES = [_Piece(Box(1.0, 2.0, 3.0, 4.0), np.ones(3, np.float32))]


def test_an_answer_is_given_again_and_in_another_process() -> None:
    network = _Network()
    here = Answers()
    with here.of("text"):
        first = recalled(network.look)(IMAGE, PIECES, side=2)
        first.append(99.0)  # what a caller does to it changes nothing
        again = recalled(network.look)(IMAGE.copy(), list(PIECES), side=2)
    assert again == [132.0, 3.0]
    assert (network.asked, here.found, here.missing, len(here)) == (1, 1, 1, 1)
    there = Answers()
    there.add(Answers.from_bytes(here.to_bytes()))
    with there.of("text"):
        # A view of the same numbers in another order of memory is the same question.
        assert recalled(network.look)(np.asfortranarray(IMAGE), PIECES, side=2) == [132.0, 3.0]
    assert network.asked == 1


def test_whatever_differs_is_another_question() -> None:
    network, answers = _Network(), Answers()
    other = [_Piece(Box(1.0, 2.0, 3.0, 5.0), np.ones(3, np.float32))]
    with answers.of("text"):
        recalled(network.look)(IMAGE, PIECES)
        recalled(network.look)(IMAGE, PIECES, side=2)
        recalled(network.look)(IMAGE + 1, PIECES)
        recalled(network.look)(IMAGE.reshape(4, 3), PIECES)
        recalled(network.look)(IMAGE.astype(np.int8), PIECES)
        recalled(network.look)(IMAGE, other)
        recalled(network.look)(IMAGE, [])
        assert recalled(network.hear)(IMAGE, []) == [-66.0]
    with answers.of("faces"):
        recalled(network.look)(IMAGE, PIECES)
    assert (answers.found, answers.missing) == (0, 9)


def test_without_answers_a_function_is_itself() -> None:
    network = _Network()
    assert recalled(network.look) == network.look
    with Answers().of("text"):
        pass
    assert recalled(network.look) == network.look


def test_what_cannot_be_told_apart_is_refused() -> None:
    with Answers().of("text"), pytest.raises(TypeError, match="object cannot be recalled by"):
        recalled(len)(object())  # type: ignore[arg-type]
