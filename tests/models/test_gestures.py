"""The hand networks where there are no hands; gestures themselves are measured by the accuracy harness."""

import cv2
import numpy as np
import pytest
from skimage import data

from models.errors import ModelError
from models.gestures import LABELS, HandNet, Palm
from models.ssd import anchor_grid
from models.store import Store


def test_anchors_match_the_palm_detector():
    anchors = anchor_grid(192, ((8, 2), (16, 6)))
    assert anchors.shape == (2016, 2)
    assert np.allclose(anchors[0], 0.5 / 24)
    assert np.allclose(anchors[-1], 11.5 / 12)


@pytest.mark.weights
def test_no_palm_in_a_cup_and_no_hand_where_one_is_claimed():
    net = HandNet(Store().file("gesture-recognizer"))
    cup = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR)
    assert net.detect(cup) == []
    hand = net.read(cup, Palm(300, 200, 80, 0.0, 1.0))
    assert hand.presence < 0.5
    assert hand.points.shape == (21, 3)
    assert hand.gestures.shape == (len(LABELS),)
    assert hand.gestures.sum() == pytest.approx(1.0, abs=1e-3)


@pytest.mark.weights
def test_landmarks_turn_with_the_claimed_rotation():
    net = HandNet(Store().file("gesture-recognizer"))
    image = np.ascontiguousarray(cv2.GaussianBlur(data.astronaut()[150:390, 60:300], (0, 0), 2))
    turned = np.ascontiguousarray(np.rot90(image, -1))  # a quarter clockwise
    one = net.read(image, Palm(120, 120, 40, 0.0, 1.0)).points[:, :2]
    other = net.read(turned, Palm(120, 120, 40, np.pi / 2, 1.0)).points[:, :2]
    back = np.stack([other[:, 1], 240 - other[:, 0]], axis=1)
    assert np.abs(back - one).max() < 6


def test_a_bundle_that_is_none_is_a_model_error(tmp_path):
    bad = tmp_path / "bad.task"
    bad.write_bytes(b"PK nothing")
    with pytest.raises(ModelError, match="not a readable bundle"):
        HandNet(bad)
