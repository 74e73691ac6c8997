"""The picture networks on real photos with their real weights."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from models.brisque import Brisque
from models.errors import ModelError
from models.image_labels import ImageLabels
from models.objects import ObjectDetector
from models.opennsfw import OpenNsfw
from models.store import Store
from models.tflite_graph import with_output

Picture = NDArray[np.uint8]


def photo(name: str) -> Picture:
    return np.ascontiguousarray(getattr(data, name)()[:, :, ::-1])


@pytest.fixture(scope="module")
def labels() -> ImageLabels:
    return ImageLabels(Store().file("efficientnet-lite0"))


@pytest.mark.weights
def test_labels_of_photos(labels: ImageLabels) -> None:
    assert len(labels.labels) == 1000
    wanted = {"chelsea": {"tabby", "Egyptian cat", "tiger cat"}, "coffee": {"espresso", "cup"}}
    for name, names in wanted.items():
        look = labels.look(photo(name))
        assert look.probabilities.sum() == pytest.approx(1, abs=1e-3)
        best = {labels.labels[i] for i in np.argsort(-look.probabilities)[:3]}
        assert best & names, (name, best)


@pytest.mark.weights
def test_features_tell_a_copy_from_another_picture(labels: ImageLabels) -> None:
    cat, coffee = labels.look(photo("chelsea")).embedding, labels.look(photo("coffee")).embedding
    copy = labels.look(np.ascontiguousarray(photo("chelsea")[:, ::-1])).embedding
    assert cat.shape == (1280,)
    assert np.linalg.norm(cat) == pytest.approx(1, abs=1e-3)
    assert cat @ copy > 0.85 > 0.7 > cat @ coffee


@pytest.mark.weights
def test_objects_with_boxes() -> None:
    detector = ObjectDetector(Store().file("efficientdet-lite0"))
    assert len(detector.labels) == 80
    assert "???" not in detector.labels
    found = detector.detect(photo("astronaut"))
    person = next(o for o in found if o.label == "person")
    assert person.score > 0.6
    # her face is at (224, 118), and the box stays inside the 512x512 picture
    assert person.x < 224 < person.x + person.w
    assert person.y < 118 < person.y + person.h
    assert person.x >= 0
    assert person.x + person.w <= 512.5
    # boxes follow the picture's own size
    wide = next(
        o for o in detector.detect(cv2.resize(photo("astronaut"), (1024, 512))) if o.label == "person"
    )
    assert wide.w == pytest.approx(2 * person.w, rel=0.15)
    assert any(o.label == "cat" for o in detector.detect(photo("chelsea")))


@pytest.mark.weights
@pytest.mark.parametrize("name", ["astronaut", "coffee", "chelsea", "rocket"])
def test_harmless_photos_are_not_explicit(name: str) -> None:
    assert OpenNsfw(Store().file("opennsfw")).probability(photo(name)) < 0.2


@pytest.mark.weights
def test_brisque_orders_damage() -> None:
    store = Store()
    brisque = Brisque(store.file("brisque", "svm.txt"), store.file("brisque", "normalize.json"))
    grey = np.asarray(cv2.cvtColor(photo("coffee"), cv2.COLOR_BGR2GRAY), dtype=np.uint8)
    scores = [brisque.score(grey)]
    for sigma in (1, 2, 4):
        scores.append(brisque.score(np.asarray(cv2.GaussianBlur(grey, (0, 0), sigma), dtype=np.uint8)))
    assert scores == sorted(scores)
    assert scores[0] < 20 < 60 < scores[-1]
    with pytest.raises(ValueError, match="32x32"):
        brisque.score(grey[:20, :20])


@pytest.mark.weights
def test_an_unknown_tensor_is_named() -> None:
    content = Store().file("efficientnet-lite0").read_bytes()
    with pytest.raises(ModelError, match="no tensor 'nowhere'"):
        with_output(content, "nowhere")


def test_files_that_are_no_networks(tmp_path: Path) -> None:
    bad = tmp_path / "bad.bin"
    bad.write_bytes(b"\x00\x01" * 500)
    for load in (ImageLabels, ObjectDetector, OpenNsfw, lambda path: Brisque(path, path)):
        with pytest.raises(ModelError, match="bad.bin"):
            load(bad)
    with pytest.raises(ModelError, match="not a .tflite file"):
        with_output(bad.read_bytes(), "x")
