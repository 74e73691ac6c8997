"""Hand shapes and signing on constructed hands, and the stage where no hand is."""

import cv2
import numpy as np
import pytest
from skimage import data

from mmu.media.clip import Clip
from mmu.perception.gestures import Gestures
from mmu.perception.hand_shapes import gesture, shape, stretched
from mmu.perception.signing import HandSight, signing_score
from mmu.signals import Box, SignalSet
from models.store import Store


def hand(*fingers):
    """World landmarks of a right hand, palm to the viewer, with the given fingers stretched, thumb first."""
    points = np.zeros((21, 3), np.float32)
    points[1:5] = [[-0.02, -0.01, 0], [-0.035, -0.03, 0], [-0.05, -0.045, 0], [-0.065, -0.055, 0]]
    if not fingers[0]:
        points[3:5] = [[-0.02, -0.05, -0.02], [0.0, -0.055, -0.025]]
    for i, (start, x) in enumerate(zip((5, 9, 13, 17), (-0.025, -0.005, 0.012, 0.028), strict=True)):
        points[start] = [x, -0.08, 0]
        points[start + 1] = [x, -0.115, 0]
        if fingers[i + 1]:
            points[start + 2 : start + 4] = [[x, -0.14, 0], [x, -0.16, 0]]
        else:
            points[start + 2 : start + 4] = [[x, -0.11, -0.03], [x, -0.085, -0.03]]
    return points


@pytest.mark.parametrize(
    ("fingers", "name"),
    [
        ((1, 0, 0, 0, 1), "call"),
        ((0, 1, 1, 1, 1), "four"),
        ((0, 1, 0, 0, 1), "rock"),
        ((1, 1, 0, 0, 1), "ILoveYou"),
        ((0, 1, 1, 0, 0), "Victory"),
        ((0, 1, 1, 1, 0), "three"),
        ((1, 1, 1, 1, 1), "Open_Palm"),
        ((0, 0, 0, 0, 0), "Closed_Fist"),
    ],
)
def test_stretched_fingers_name_the_shape_at_any_size_and_turn(fingers, name):
    points = hand(*fingers)
    assert stretched(points).round().tolist() == list(fingers)
    assert shape(stretched(points))[0] == name
    turn = cv2.Rodrigues(np.array([0.3, 0.4, 1.1]))[0].astype(np.float32)
    assert shape(stretched(points @ turn * 3.0))[0] == name


def test_classifier_and_geometry_are_joined():
    rock, fist = hand(0, 1, 0, 0, 1), hand(0, 0, 0, 0, 0)
    assert gesture(rock, "None", 0.98, 0.1)[0] == "rock"
    assert gesture(rock, "None", 0.98, np.pi) == (None, 0.0)  # hanging down
    assert gesture(fist, "Thumb_Up", 0.95, 0.0) == ("Thumb_Up", 0.95)
    assert gesture(fist, "Thumb_Up", 0.5, 0.0) == (None, 0.0)
    assert gesture(fist, "None", 0.9, 0.0) == (None, 0.0)  # a resting hand is no gesture
    ring = hand(1, 1, 1, 1, 1)
    ring[8] = ring[4]
    assert gesture(ring, "None", 0.9, 0.0)[0] == "ok"


FACES = {i: Box(280, 60, 70, 90) for i in range(6)}


def sights(wrists, fingers):
    return [
        HandSight(i, np.array(wrist, np.float32), np.array(shown, np.float32))
        for i, (wrist, shown) in enumerate(zip(wrists, fingers, strict=True))
    ]


def test_hands_that_move_and_change_before_the_chest_look_like_signing():
    wrists = [(200, 420), (290, 160), (330, 120), (260, 220), (300, 180), (210, 425)]
    shown = [
        (1, 1, 1, 1, 1),
        (0, 1, 0, 0, 0),
        (0, 0, 0, 0, 0),
        (1, 1, 0, 0, 1),
        (0, 1, 1, 0, 0),
        (1, 1, 1, 1, 1),
    ]
    moving = sights(wrists, shown)
    assert signing_score(moving, FACES, 4.0) > 0.7
    assert signing_score(moving, FACES, 50.0) == 0.0  # faces away
    assert signing_score(moving, {i: Box(280, 60, 16, 20) for i in range(6)}, 4.0) == 0.0
    resting = sights([(200, 420)] * 6, shown)
    assert signing_score(resting, FACES, 4.0) == 0.0
    still = sights([(290, 160)] * 6, [(1, 1, 1, 1, 1)] * 6)
    assert signing_score(still, FACES, 4.0) < 0.2


@pytest.mark.weights
def test_no_gesture_without_a_hand():
    stage = Gestures()
    stage.setup(Store(), threads=1)
    cup = cv2.cvtColor(data.coffee(), cv2.COLOR_RGB2BGR)
    frames = [(i * 0.5, cup) for i in range(4)]
    clip = Clip.from_arrays(frames=frames, audio=(np.zeros(160, np.float32), 16000), fps=2.0)
    assert stage.run(clip, SignalSet()) == []
    stage.close()
    with pytest.raises(RuntimeError, match="setup"):
        stage.run(clip, SignalSet())
