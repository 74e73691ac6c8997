"""The pose networks on a real photograph, and on none."""

import cv2
import numpy as np
import pytest
from skimage import data

from models.errors import ModelError
from models.pose import LANDMARKS, PoseNet
from models.ssd import anchor_grid
from models.store import Store

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def net():
    return PoseNet(Store().file("pose-landmarker"))


@pytest.fixture(scope="module")
def astronaut():
    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])


def test_anchors_match_the_body_detector():
    assert anchor_grid(224, ((8, 2), (16, 2), (32, 6))).shape == (2254, 2)


def test_the_astronaut_is_found_with_her_shoulders_below_her_nose(net, astronaut):
    body = net.detect(astronaut)[0]
    pose = net.read(astronaut, body)
    assert pose.presence > 0.9
    place = {name: pose.points[i] for i, name in enumerate(LANDMARKS)}
    assert 200 < place["nose"][0] < 250
    assert 80 < place["nose"][1] < 150
    # her left shoulder is on the right of the picture
    assert place["left_shoulder"][0] > place["nose"][0] > place["right_shoulder"][0]
    assert min(place["left_shoulder"][1], place["right_shoulder"][1]) > place["nose"][1]
    mask = cv2.warpAffine(pose.mask, pose.from_crop, (512, 512))
    assert mask[120, 225] > 0.5 > mask[30, 30]


def test_points_follow_a_turned_picture(net, astronaut):
    upright = net.read(astronaut, net.detect(astronaut)[0])
    wide = cv2.copyMakeBorder(astronaut, 0, 0, 256, 0, cv2.BORDER_REPLICATE)
    moved = net.read(wide, net.detect(wide)[0])
    nose = moved.points[0, :2] - np.array([256, 0])
    assert np.linalg.norm(nose - upright.points[0, :2]) < 20


def test_no_body_in_a_cup(net):
    cup = np.ascontiguousarray(data.coffee()[:, :, ::-1])
    assert all(net.read(cup, body).presence < 0.8 for body in net.detect(cup))


def test_a_file_that_is_no_bundle_is_refused(tmp_path):
    (tmp_path / "x.task").write_bytes(b"nothing")
    with pytest.raises(ModelError, match="not a readable bundle"):
        PoseNet(tmp_path / "x.task")
