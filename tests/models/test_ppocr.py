"""PP-OCR on a picture with known text, and the decoding without weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from models.errors import ModelError
from models.ppocr import TextDetector, TextRecognizer, clockwise, crop_line
from models.store import Store


def page(text: str = "Reading a line", *, scale: float = 1.6) -> np.ndarray:
    image = np.full((240, 640, 3), 235, np.uint8)
    cv2.putText(image, text, (40, 130), cv2.FONT_HERSHEY_SIMPLEX, scale, (30, 20, 10), 3, cv2.LINE_AA)
    return image


@pytest.fixture(scope="module")
def detector() -> TextDetector:
    return TextDetector(Store().file("ppocr-tiny", "det.onnx"))


@pytest.fixture(scope="module")
def recognizer() -> TextRecognizer:
    store = Store()
    characters = store.file("ppocr-tiny", "dict.txt").read_text(encoding="utf-8")
    return TextRecognizer(store.file("ppocr-tiny", "rec.onnx"), characters)


@pytest.mark.weights
def test_finds_and_reads_a_line(detector: TextDetector, recognizer: TextRecognizer) -> None:
    image = page()
    quads = detector.detect(image)
    assert len(quads) == 1
    left, top = quads[0].corners.min(axis=0)
    right, bottom = quads[0].corners.max(axis=0)
    assert abs(left - 40) < 12
    assert 60 < top < 100
    assert 380 < right < 430
    assert 130 <= bottom < 165
    reading = recognizer.read([crop_line(image, quads[0].corners)])[0]
    assert reading.text == "Reading a line"
    assert reading.score > 0.9


@pytest.mark.weights
def test_corners_are_in_pixels_of_the_picture_given(detector: TextDetector) -> None:
    small = detector.detect(page())[0].corners
    large = detector.detect(cv2.resize(page(), None, fx=3, fy=3), side=640)[0].corners
    assert np.abs(large / 3 - small).max() < 8


@pytest.mark.weights
def test_nothing_on_an_empty_page(detector: TextDetector, recognizer: TextRecognizer) -> None:
    assert detector.detect(np.full((300, 400, 3), 120, np.uint8)) == []
    assert recognizer.read([]) == []
    assert recognizer.read([np.full((40, 200, 3), 255, np.uint8)])[0].score < 0.5


@pytest.mark.weights
def test_readings_keep_the_order_of_the_lines(recognizer: TextRecognizer) -> None:
    words = ["one", "considerably longer line", "two", "a middling line"]
    crops = []
    for word in words:
        image = np.full((50, 24 * len(word) + 20, 3), 240, np.uint8)
        cv2.putText(image, word, (10, 36), cv2.FONT_HERSHEY_SIMPLEX, 1.1, (0, 0, 0), 2, cv2.LINE_AA)
        crops.append(image)
    assert [reading.text for reading in recognizer.read(crops, batch=3)] == words


@pytest.mark.weights
def test_dictionary_of_another_size_is_refused() -> None:
    with pytest.raises(ModelError, match="2 characters"):
        TextRecognizer(Store().file("ppocr-tiny", "rec.onnx"), "a\nb\n")


def test_broken_file_is_a_model_error(tmp_path: Path) -> None:
    path = tmp_path / "det.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match="det.onnx"):
        TextDetector(path)


def test_corner_order() -> None:
    corners = np.array([[90, 10], [10, 12], [12, 40], [88, 42]], np.float32)
    assert clockwise(corners).tolist() == [[10, 12], [90, 10], [88, 42], [12, 40]]


def test_crop_straightens() -> None:
    image = np.zeros((100, 200, 3), np.uint8)
    corners = np.array([[50, 20], [150, 40], [146, 60], [46, 40]], np.float32)
    cv2.fillPoly(image, [corners.astype(np.int32)], (255, 255, 255))
    crop = crop_line(image, corners)
    assert abs(crop.shape[1] - 102) <= 1
    assert abs(crop.shape[0] - 20) <= 1
    assert crop[2:-2, 2:-2].mean() > 240
