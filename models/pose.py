"""Body pose: the networks of MediaPipe's Pose Landmarker (BlazePose GHUM, full).

A detector (SSD over 224 x 224) finds people, and a landmark network reads 33 points, their depth
and a mask of the person in a crop turned so that the body stands upright. One person a crop.

V. Bazarevsky et al., "BlazePose: On-device Real-time Body Pose tracking", 2020; I. Grishchenko et
al., "BlazePose GHUM Holistic", 2022.
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
SOURCE = "mediapipe-pose-landmarker@full-1"
# fmt: off
#: order of the 33 points; left and right are the person's own
LANDMARKS = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye", "right_eye_outer",
    "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder", "right_shoulder", "left_elbow",
    "right_elbow", "left_wrist", "right_wrist", "left_pinky", "right_pinky", "left_index", "right_index",
    "left_thumb", "right_thumb", "left_hip", "right_hip", "left_knee", "right_knee", "left_ankle",
    "right_ankle", "left_heel", "right_heel", "left_foot_index", "right_foot_index",
)
# fmt: on

_DETECTOR_SIDE = 224
_LAYERS = ((8, 2), (16, 2), (32, 6))
_LANDMARK_SIDE = 256
#: the circle through the body's outermost point is enlarged to hold the whole body
_ROI_SCALE = 1.25
_VALUES = 5


class Body(NamedTuple):
    """Where a person is: centre between the hips and side of the crop (pixels), and the lean in radians."""

    x: float
    y: float
    side: float
    #: 0 = upright, positive = leaning clockwise
    rotation: float
    score: float


class Pose(NamedTuple):
    """The pose of one person."""

    #: (33, 3) float32: x, y in pixels of the image, z (towards the viewer negative) on the same scale
    points: NDArray[np.float32]
    #: (33,) float32, probability that a point is inside the picture and not hidden
    visibility: NDArray[np.float32]
    #: (33, 3) float32 in metres about the middle of the hips, x right, y down as in the image
    world: NDArray[np.float32]
    #: probability that the crop shows a person
    presence: float
    #: (256, 256) float32 in [0, 1]: the person in the crop
    mask: NDArray[np.float32]
    #: (2, 3) float64, from pixels of the crop to pixels of the image
    from_crop: NDArray[np.float64]
    #: where to look in the next frame
    body: Body


class PoseNet:
    """Finds people and reads their pose."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load `pose_landmarker.task`.

        Raises:
            ModelError: the bundle is missing, damaged or lacks a member.
        """
        self._detector = LiteRtModel(bundle_member(path, "pose_detector.tflite"), threads)
        self._landmarks = LiteRtModel(bundle_member(path, "pose_landmarks_detector.tflite"), threads)
        self._anchors = anchor_grid(_DETECTOR_SIDE, _LAYERS)

    def detect(
        self, image: NDArray[np.uint8], *, score_threshold: float = 0.5, overlap: float = 0.3
    ) -> list[Body]:
        """People of a BGR image (h, w, 3) uint8, best first; letter-boxed to 224 x 224."""
        fitted = SsdFrame(image, _DETECTOR_SIDE, low=-1.0)
        raw, logits = self._detector.run(fitted.pixels)
        found = fitted.detections(
            raw, logits, self._anchors, score_threshold=score_threshold, overlap=overlap
        )
        return [_body(one.points[0], one.points[1], one.score) for one in found]

    def read(self, image: NDArray[np.uint8], body: Body) -> Pose:
        """Pose of one person of a BGR image (h, w, 3) uint8."""
        centre, side = (body.x, body.y), max(body.side, 1.0)
        to_crop = cv2.getRotationMatrix2D(centre, np.degrees(body.rotation), _LANDMARK_SIDE / side)
        to_crop[:, 2] += np.array([_LANDMARK_SIDE / 2 - body.x, _LANDMARK_SIDE / 2 - body.y])
        crop = cv2.warpAffine(image, to_crop, (_LANDMARK_SIDE, _LANDMARK_SIDE))
        flat, presence, mask, _, world_flat = self._landmarks.run(
            crop[None, :, :, ::-1].astype(np.float32) / 255.0
        )
        values = flat.reshape(-1, _VALUES)
        back = np.asarray(cv2.invertAffineTransform(to_crop), np.float64)
        points = np.empty((len(values), 3), np.float32)
        points[:, :2] = values[:, :2] @ back[:, :2].T + back[:, 2]
        points[:, 2] = values[:, 2] * side / _LANDMARK_SIDE
        cosine, sine = np.cos(body.rotation), np.sin(body.rotation)
        turn = np.array([[cosine, sine, 0.0], [-sine, cosine, 0.0], [0.0, 0.0, 1.0]], np.float32)
        count = len(LANDMARKS)
        score = float(presence.reshape(-1)[0])
        return Pose(
            points[:count],
            np.asarray(_sigmoid(values[:count, 3]), np.float32),
            world_flat.reshape(-1, 3)[:count] @ turn,
            score,
            np.asarray(_sigmoid(mask[0, :, :, 0]), np.float32),
            back,
            # beyond the 33 points the network gives the middle of the hips and a point on the circle
            _body(points[count, :2], points[count + 1, :2], score),
        )


def _body(hips: NDArray[np.float32], rim: NDArray[np.float32], score: float) -> Body:
    dx, dy = (float(v) for v in rim - hips)
    radius = float(np.hypot(dx, dy))
    return Body(float(hips[0]), float(hips[1]), 2 * radius * _ROI_SCALE, float(np.arctan2(dx, -dy)), score)


def _sigmoid(values: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0))), np.float32)
