from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from mmu.media.clip import Clip
from mmu.moderation.decide import decide
from mmu.moderation.policy import load_policy
from mmu.perception.codes import Codes, purpose
from mmu.signals import Box, Signal, SignalSet
from models.store import Store


@pytest.fixture
def stage() -> Iterator[Codes]:
    stage = Codes()
    stage.setup(Store())
    yield stage
    stage.close()


def picture(*codes: tuple[str, int, int], seed: int = 0) -> NDArray[np.uint8]:
    """720p noise of low contrast with QR codes, six pixels a module, at the given places."""
    image = np.random.default_rng(seed).integers(90, 130, (720, 1280, 3), dtype=np.uint8)
    for content, x, y in codes:
        code = cv2.QRCodeEncoder.create().encode(content)
        code = cv2.copyMakeBorder(code, 4, 4, 4, 4, cv2.BORDER_CONSTANT, value=255)
        code = cv2.resize(code, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)
        image[y : y + len(code), x : x + len(code)] = code[:, :, None]
    return image


def run(stage: Codes, *frames: NDArray[np.uint8]) -> list[Signal]:
    with Clip.from_arrays(frames=[(float(i), frame) for i, frame in enumerate(frames)], fps=1.0) as clip:
        return stage.run(clip, SignalSet())


def test_content_box_and_span(stage: Codes) -> None:
    link = "https://u.wechat.com/abcdefg123"
    plain, marked = picture(), picture((link, 300, 200), seed=1)
    (code,) = run(stage, plain, marked, marked, plain)
    assert code.value == link
    assert code.span is not None
    assert code.span.start == 1
    assert 2 <= code.span.end <= 3
    assert code.box is not None
    assert code.box.iou(Box(336, 236, 150, 150)) > 0.9  # without the white around it
    assert code.attributes["purpose"] == "contact"
    assert code.attributes["host"] == "u.wechat.com"


def test_two_codes_in_one_picture(stage: Codes) -> None:
    found = run(stage, picture(("wxp://f2f0abcdef", 100, 100), ("今晚八点直播", 800, 400)))
    assert {(one.value, one.attributes["purpose"]) for one in found} == {
        ("wxp://f2f0abcdef", "payment"),
        ("今晚八点直播", "text"),
    }


def test_no_code(stage: Codes) -> None:
    assert run(stage, picture(), np.zeros((720, 1280, 3), np.uint8)) == []


def test_policy_sees_it(stage: Codes) -> None:
    found = run(stage, picture(("https://u.wechat.com/abcdefg123", 300, 200)))
    decided = decide(load_policy(), signals=found)
    assert (decided.decision, decided.category) == ("review", "private_deals")
    assert decided.hits[0].box is not None


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        ("https://example.org/x", "link"),
        ("https://qr.alipay.com/fkx01234", "payment"),
        ("tel:13800000000", "contact"),
        ("hello", "text"),
        ("https://qm.qq.com/q/abc", "contact"),
    ],
)
def test_purpose(content: str, wanted: str) -> None:
    assert purpose(content) == wanted
