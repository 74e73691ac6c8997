"""The gates before the text detector: which frames may show something new."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.text_gate import ChangeGate, LetterGate


def scene(shift: int = 0, light: float = 1.0) -> NDArray[np.uint8]:
    """A soft pattern of blobs, moved to the right by `shift` pixels."""
    noise = np.random.default_rng(7).normal(size=(90, 200)).astype(np.float32)
    blobs = cv2.GaussianBlur(cv2.resize(noise, (1600, 720)), (0, 0), 9)
    grey = (128 + 90 * light * blobs[:, 100 - shift : 1380 - shift] / np.abs(blobs).max()).astype(np.uint8)
    return np.repeat(grey[:, :, None], 3, axis=2)


def titled(
    image: NDArray[np.uint8], text: str, *, height: float = 1.0, at: tuple[int, int]
) -> NDArray[np.uint8]:
    out = image.copy()
    cv2.putText(out, text, at, cv2.FONT_HERSHEY_SIMPLEX, height, (255, 255, 255), 2, cv2.LINE_AA)
    return out


def test_letters_come_and_other_things_do_not() -> None:
    gate = LetterGate(8.0)
    assert gate.may_have_come(scene()), "nothing is known before the first search"
    gate.searched(scene())
    assert not gate.may_have_come(scene())
    assert not gate.may_have_come(scene(shift=20))
    assert not gate.may_have_come(scene(light=0.6))
    assert gate.may_have_come(titled(scene(), "hello", at=(600, 650)))
    assert gate.may_have_come(titled(scene(shift=20), "a small caption", height=0.6, at=(80, 90)))


def test_letters_that_are_known_are_not_new() -> None:
    gate = LetterGate(8.0)
    gate.searched(titled(scene(), "known", at=(600, 650)))
    assert not gate.may_have_come(titled(scene(shift=5), "known", at=(600, 650)))
    assert not gate.may_have_come(scene()), "what went is not new"
    assert gate.may_have_come(titled(scene(), "more", at=(200, 120)))
    assert gate.may_have_come(np.zeros((1280, 720, 3), np.uint8)), "another size of picture"


def test_a_slow_fade_adds_up() -> None:
    gate = ChangeGate(6.0)
    assert gate.changed(np.full((180, 320, 3), 100, np.uint8))
    changes = [gate.changed(np.full((180, 320, 3), 100 + 2 * step, np.uint8)) for step in range(1, 7)]
    assert changes == [False, False, True, False, False, True]
