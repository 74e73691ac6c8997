"""Hands and their gestures: the networks of MediaPipe's Gesture Recognizer.

A palm detector (SSD over 192 x 192) finds hands, a landmark network reads 21
points in a crop turned so that the hand points up, and a small embedder and
classifier name one of eight gestures.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.litert import LiteRtModel, bundle_member
from models.ssd import SsdFrame, anchor_grid

#: name and version that signals carry as their source
SOURCE = "mediapipe-gesture-recognizer@1"
#: order of the classifier's outputs
LABELS = (
    "None",
    "Closed_Fist",
    "Open_Palm",
    "Pointing_Up",
    "Thumb_Down",
    "Thumb_Up",
    "Victory",
    "ILoveYou",
)

_PALM_SIDE = 192
_HAND_SIDE = 224
#: (stride, anchors a cell) of the palm detector
_LAYERS = ((8, 2), (16, 6))
_WRIST, _MIDDLE_KNUCKLE = 0, 2
#: the palm box is moved towards the fingers and enlarged to hold the whole hand
_ROI_SHIFT = 0.5
_ROI_SCALE = 2.6
#: the landmark network was trained with its depth on this scale
_DEPTH_SCALE = 0.4


class Palm(NamedTuple):
    """One palm: centre, side (pixels) and rotation (radians, 0 = fingers up), with the detector's score."""

    x: float
    y: float
    side: float
    rotation: float
    score: float


class Hand(NamedTuple):
    """One hand and what it shows."""

    #: (21, 3) float32: x, y in pixels of the image, z on the same scale
    points: NDArray[np.float32]
    #: (21, 3) float32 in metres about the hand's centre, x right, y down as in the image
    world: NDArray[np.float32]
    #: probability that the crop shows a hand
    presence: float
    #: (8,) float32 in the order of `LABELS`
    gestures: NDArray[np.float32]
    #: radians by which the hand is turned clockwise from pointing up
    rotation: float


class HandNet:
    """Finds hands and reads their points and gesture."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load `gesture_recognizer.task`.

        Raises:
            ModelError: the bundle is missing, damaged or lacks a member.
        """

        def load(member: str) -> LiteRtModel:
            return LiteRtModel(bundle_member(path, member), threads)

        self._palms = load("hand_landmarker.task/hand_detector.tflite")
        self._hands = load("hand_landmarker.task/hand_landmarks_detector.tflite")
        self._embedder = load("hand_gesture_recognizer.task/gesture_embedder.tflite")
        self._classifier = load("hand_gesture_recognizer.task/canned_gesture_classifier.tflite")
        self._anchors = anchor_grid(_PALM_SIDE, _LAYERS)

    def detect(
        self, image: NDArray[np.uint8], *, score_threshold: float = 0.5, overlap: float = 0.3
    ) -> list[Palm]:
        """Palms of a BGR image, best first.

        Args:
            image: (h, w, 3) uint8 BGR; letter-boxed to 192 x 192, so hands should not be tiny in it.
            score_threshold: detections below it are dropped.
            overlap: intersection over union above which the weaker of two is dropped.
        """
        fitted = SsdFrame(image, _PALM_SIDE)
        raw, logits = self._palms.run(fitted.pixels)
        palms = []
        for one in fitted.detections(
            raw, logits, self._anchors, score_threshold=score_threshold, overlap=overlap
        ):
            wrist, knuckle = one.points[_WRIST], one.points[_MIDDLE_KNUCKLE]
            rotation = float(np.pi / 2 - np.arctan2(wrist[1] - knuckle[1], knuckle[0] - wrist[0]))
            palms.append(Palm(float(one.centre[0]), float(one.centre[1]), one.side, rotation, one.score))
        return palms

    def read(self, image: NDArray[np.uint8], palm: Palm) -> Hand:
        """Landmarks and gesture of one palm of a BGR image."""
        towards = np.array([np.sin(palm.rotation), -np.cos(palm.rotation)]) * _ROI_SHIFT * palm.side
        centre = (palm.x + float(towards[0]), palm.y + float(towards[1]))
        side = max(palm.side * _ROI_SCALE, 1.0)
        to_crop = cv2.getRotationMatrix2D(centre, np.degrees(palm.rotation), _HAND_SIDE / side)
        to_crop[:, 2] += np.array([_HAND_SIDE / 2 - centre[0], _HAND_SIDE / 2 - centre[1]])
        crop = cv2.warpAffine(image, to_crop, (_HAND_SIDE, _HAND_SIDE))
        pixels = crop[None, :, :, ::-1].astype(np.float32) / 255.0
        flat, presence, handedness, world_flat = self._hands.run(pixels)
        local = flat.reshape(21, 3)
        back = cv2.invertAffineTransform(to_crop)
        points = np.empty_like(local)
        points[:, :2] = local[:, :2] @ back[:, :2].T + back[:, 2]
        points[:, 2] = local[:, 2] * side / _HAND_SIDE
        cosine, sine = np.cos(palm.rotation), np.sin(palm.rotation)
        turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]], np.float32)
        world = world_flat.reshape(21, 3) @ turn
        # The gesture networks look at the hand as it lies in the image: thumbs point up or down.
        shown = points * np.array([1.0, 1.0, 1.0 / _DEPTH_SCALE], np.float32)
        embedding = self._embedder.run(_normalised(shown), handedness.reshape(1, 1), _normalised(world))[0]
        gestures = self._classifier.run(embedding)[0][0]
        return Hand(
            points, world, float(presence.reshape(-1)[0]), np.asarray(gestures, np.float32), palm.rotation
        )


def _normalised(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """(1, 21, 3): the wrist at the origin, the larger of width and height 1."""
    moved = points - points[0]
    extent = moved[:, :2].max(axis=0) - moved[:, :2].min(axis=0)
    return np.asarray(moved / (float(extent.max()) + 1e-5), np.float32)[None]
