"""Block-quantised networks, unpacked for ONNX Runtime, against OpenCV's own reading of them."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from skimage import data

from models.errors import ModelError
from models.onnx_blocks import unpacked
from models.protobuf import data as message
from models.protobuf import fields, integer, text
from models.store import Store
from models.yunet import YuNet


@pytest.mark.weights
@pytest.mark.parametrize("size", [(512, 512), (640, 360), (333, 517)])
def test_yunet_finds_what_opencv_finds(size: tuple[int, int]) -> None:
    photo = cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)
    pair = np.hstack([photo, cv2.resize(photo, None, fx=0.5, fy=0.5).repeat(2, axis=0)])
    image = np.asarray(cv2.resize(pair, size), np.uint8)
    path = Store().file("yunet")
    opencv = cv2.FaceDetectorYN.create(str(path), "", size, 0.3, 0.3, 200)
    _, rows = opencv.detect(image)
    expected = np.array(rows, np.float32)
    found = YuNet(path, score_threshold=0.3).detect(image, long_side=max(size))
    assert len(found) == len(expected) >= 1
    order = np.argsort(-expected[:, 14], kind="stable")
    assert np.abs(found - expected[order]).max() < 0.01


def test_what_is_no_network_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="cannot be read"):
        YuNet(tmp_path / "none.onnx")
    (tmp_path / "text.onnx").write_bytes(b"this is not a network")
    with pytest.raises(ModelError):
        YuNet(tmp_path / "text.onnx")
    with pytest.raises(ModelError, match="block-quantised"):
        unpacked(b"\xff\xff\xff", shapes={})


@pytest.mark.weights
def test_another_network_is_named() -> None:
    with pytest.raises(ModelError, match="not a YuNet face detector"):
        YuNet(Store().file("sface"))


def test_fields_of_a_message() -> None:
    whole = integer(1, 300) + text(2, "名") + message(15, b"\x00\x01") + integer(3, -1)
    found = list(fields(whole))
    assert [(one.number, one.value) for one in found] == [
        (1, 300),
        (2, "名".encode()),
        (15, b"\x00\x01"),
        (3, 2**64 - 1),
    ]
    assert b"".join(one.raw for one in found) == whole
    for cut in (1, len(whole) - 1):
        with pytest.raises(ValueError, match="ends within"):
            list(fields(whole[:cut]))
