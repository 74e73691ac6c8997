"""The face adapters on a real photograph (the astronaut of scikit-image) and on pictures without faces."""

import cv2
import numpy as np
import pytest
from skimage import data

from models.age_gender import AgeGenderNet
from models.errors import ModelError
from models.expression import LABELS, ExpressionNet
from models.face_landmarks import BLENDSHAPES, FaceLandmarks
from models.litert import LiteRtModel, bundle_member
from models.sface import SFace
from models.store import Store
from models.yunet import YuNet

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def store():
    return Store()


@pytest.fixture(scope="module")
def photo():
    return cv2.cvtColor(data.astronaut(), cv2.COLOR_RGB2BGR)


@pytest.fixture(scope="module")
def detector(store):
    return YuNet(store.file("yunet"))


@pytest.fixture(scope="module")
def face(detector, photo):
    return detector.detect(photo)[0]


def test_detector_finds_the_one_face_where_it_is(detector, photo):
    rows = detector.detect(photo)
    assert rows.shape == (1, 15)
    x, y, w, h = rows[0, :4]
    assert x < 222 < x + w  # the nose of the astronaut
    assert y < 130 < y + h
    assert rows[0, 14] > 0.9


def test_detector_gives_boxes_in_pixels_of_the_picture_at_any_search_size(detector, photo):
    small = detector.detect(photo, long_side=256)[0]
    large = detector.detect(photo, long_side=1024, enlarge=True)[0]
    assert np.abs(small[:14] - large[:14]).max() < 12


@pytest.mark.parametrize("picture", ["coffee", "chelsea", "brick"])
def test_detector_finds_no_face_where_there_is_none(detector, picture):
    image = getattr(data, picture)()
    image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR if image.ndim == 2 else cv2.COLOR_RGB2BGR)
    assert not [row for row in detector.detect(image) if row[14] >= 0.8]


def test_embedding_is_of_unit_length_and_stands_light_and_size(store, detector, photo, face):
    net = SFace(store.file("sface"))
    vector = net.embed(net.align(photo, face[4:14].reshape(5, 2)))
    assert vector.shape == (128,)
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)
    other = cv2.convertScaleAbs(cv2.resize(photo, None, fx=0.5, fy=0.5), alpha=0.7, beta=20)
    row = detector.detect(other)[0]
    assert vector @ net.embed(net.align(other, row[4:14].reshape(5, 2))) > 0.8


def test_age_gender_and_expression_of_a_smiling_woman(store, photo, face):
    points = face[4:14].reshape(5, 2)
    read = AgeGenderNet(store.file("age"), store.file("gender")).read(photo, points)
    assert 20 <= read.age <= 50
    assert read.age_spread >= 0
    assert read.female > 0.8
    shares = ExpressionNet(store.file("fer")).read(photo, tuple(face[:4]))
    assert shares.sum() == pytest.approx(1.0, abs=1e-3)
    assert LABELS[int(shares.argmax())] == "happy"


def test_landmarks_lie_on_the_face_and_tell_a_face_from_a_cup(store, photo, face):
    net = FaceLandmarks(store.file("face-landmarker"))
    points = face[4:14].reshape(5, 2)
    mesh = net.read(photo, tuple(face[:4]), points)
    assert mesh.presence > 0.9
    assert mesh.points.shape == (478, 3)
    assert np.hypot(*(mesh.points[1, :2] - points[2])) < 0.12 * face[2]  # tip of the nose
    assert mesh.blendshapes[BLENDSHAPES.index("mouthSmileLeft")] > 0.4
    assert abs(mesh.yaw) < 35
    cup = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR)
    assert net.read(cup, tuple(face[:4]), points).presence < 0.1


def test_head_pose_follows_a_turn_of_the_picture(store, detector, photo, face):
    net = FaceLandmarks(store.file("face-landmarker"))
    straight = net.read(photo, tuple(face[:4]), face[4:14].reshape(5, 2))
    turn = cv2.getRotationMatrix2D((256, 200), -15, 1.0)  # 15 degrees clockwise
    tilted = cv2.warpAffine(photo, turn, (512, 512))
    row = detector.detect(tilted)[0]
    mesh = net.read(tilted, tuple(row[:4]), row[4:14].reshape(5, 2))
    assert mesh.roll - straight.roll == pytest.approx(15, abs=5)
    mirrored = np.ascontiguousarray(photo[:, ::-1])
    row = detector.detect(mirrored)[0]
    mesh = net.read(mirrored, tuple(row[:4]), row[4:14].reshape(5, 2))
    assert mesh.yaw == pytest.approx(-straight.yaw, abs=6)


def test_a_file_that_is_no_network_is_a_model_error(tmp_path):
    bad = tmp_path / "bad.onnx"
    bad.write_bytes(b"not a network")
    for build in (YuNet, SFace, ExpressionNet, FaceLandmarks, lambda path: AgeGenderNet(path, path)):
        with pytest.raises(ModelError):
            build(bad)
        with pytest.raises(ModelError):
            build(tmp_path / "missing.onnx")


def test_litert_checks_what_it_is_given(store):
    net = LiteRtModel(store.file("fer"))
    assert [facts.shape for facts in net.inputs] == [(1, 64, 64, 1)]
    with pytest.raises(ModelError, match="2 arrays given for 1 inputs"):
        net.run(np.zeros((1, 64, 64, 1)), np.zeros(1))
    with pytest.raises(ModelError, match="no member"):
        bundle_member(store.file("face-landmarker"), "nothing.tflite")
