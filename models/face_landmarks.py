"""Dense face mesh, blendshapes and head pose: the networks of MediaPipe's Face Landmarker."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.litert import LiteRtModel, bundle_member

#: name and version that signals carry as their source
SOURCE = "mediapipe-face-landmarker@1"

_SIDE = 256
_ROI_SCALE = 1.5
_MESH_VERTICES = 468

#: the landmarks that the blendshape network reads, in its order (MediaPipe, face_blendshapes_graph)
_BLENDSHAPE_INPUTS = np.fromstring(
    """0 1 4 5 6 7 8 10 13 14 17 21 33 37 39 40 46 52 53 54 55 58 61 63 65 66 67 70 78 80 81 82 84 87 88 91
    93 95 103 105 107 109 127 132 133 136 144 145 146 148 149 150 152 153 154 155 157 158 159 160 161 162 163
    168 172 173 176 178 181 185 191 195 197 234 246 249 251 263 267 269 270 276 282 283 284 285 288 291 293
    295 296 297 300 308 310 311 312 314 317 318 321 323 324 332 334 336 338 356 361 362 365 373 374 375 377
    378 379 380 381 382 384 385 386 387 388 389 390 397 398 400 402 405 409 415 454 466 468 469 470 471 472
    473 474 475 476 477""",
    dtype=np.int64,
    sep=" ",
)

#: names of the 52 blendshapes in the network's order (ARKit's, with `_neutral` first)
# fmt: off
BLENDSHAPES: tuple[str, ...] = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft",
    "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight",
    "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
)
# fmt: on


class FaceMesh(NamedTuple):
    """What the landmarker sees in one face."""

    #: (478, 3) float32: x, y in pixels of the image, z on the same scale (smaller = nearer)
    points: NDArray[np.float32]
    #: probability that the region shows a face at all
    presence: float
    #: (52,) float32 in [0, 1], in the order of `BLENDSHAPES`
    blendshapes: NDArray[np.float32]
    #: degrees; positive yaw = towards the picture's right, positive pitch = down, roll = clockwise
    yaw: float
    pitch: float
    roll: float


class FaceLandmarks:
    """478 landmarks, 52 blendshapes and head pose of a detected face."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Load `face_landmarker.task`.

        Raises:
            ModelError: the bundle is missing, damaged or lacks a member.
        """
        self._mesh = LiteRtModel(bundle_member(path, "face_landmarks_detector.tflite"), threads)
        self._shapes = LiteRtModel(bundle_member(path, "face_blendshapes.tflite"), threads)
        geometry = bundle_member(path, "geometry_pipeline_metadata_landmarks.binarypb")
        self._canonical = _canonical_vertices(geometry)

    def read(
        self,
        image: NDArray[np.uint8],
        box: tuple[float, float, float, float],
        points: NDArray[np.float32],
    ) -> FaceMesh:
        """Read one face.

        Args:
            image: (h, w, 3) uint8 BGR.
            box: x, y, w, h of the face in pixels.
            points: (5, 2) pixels in YuNet's order; the eyes give the rotation of the crop.
        """
        x, y, w, h = box
        side = _ROI_SCALE * max(w, h, 1.0)
        angle = float(np.arctan2(points[1, 1] - points[0, 1], points[1, 0] - points[0, 0]))
        to_crop = cv2.getRotationMatrix2D((x + w / 2, y + h / 2), np.degrees(angle), _SIDE / side)
        to_crop[:, 2] += np.array([_SIDE / 2 - x - w / 2, _SIDE / 2 - y - h / 2])
        crop = cv2.warpAffine(image, to_crop, (_SIDE, _SIDE), flags=cv2.INTER_LINEAR)
        pixels = crop[None, :, :, ::-1].astype(np.float32) / 255.0
        flat, presence, _ = self._mesh.run(pixels)
        mesh = flat.reshape(-1, 3)
        back = cv2.invertAffineTransform(to_crop)
        placed = np.empty_like(mesh)
        placed[:, :2] = mesh[:, :2] @ back[:, :2].T + back[:, 2]
        placed[:, 2] = mesh[:, 2] * side / _SIDE
        shapes = self._shapes.run(mesh[None, _BLENDSHAPE_INPUTS, :2])[0].reshape(-1)
        yaw, pitch, roll = _head_pose(placed[:_MESH_VERTICES], self._canonical)
        return FaceMesh(placed, _sigmoid(float(presence.reshape(-1)[0])), shapes, yaw, pitch, roll)


def _sigmoid(value: float) -> float:
    return float(1.0 / (1.0 + np.exp(-value)))


def _canonical_vertices(message: bytes) -> NDArray[np.float32]:
    """Vertex positions (468, 3) of MediaPipe's canonical face mesh.

    The message is a protocol buffer whose first field is the mesh; in it, field 3 holds the
    vertex buffer as single floats: x, y, z, u, v of each vertex.
    """
    marker = b"\x1d"
    start = message.find(marker, 3, 16)
    count = _MESH_VERTICES * 5
    stored = message[start : start + 5 * count] if start >= 0 else b""
    if len(stored) != 5 * count or stored[::5] != marker * count:
        raise ModelError("face landmarker: the canonical mesh has an unknown layout")
    values = np.array([struct.unpack_from("<f", stored, 5 * i + 1)[0] for i in range(count)], np.float32)
    return values.reshape(_MESH_VERTICES, 5)[:, :3]


def _head_pose(mesh: NDArray[np.float32], canonical: NDArray[np.float32]) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees by the Kabsch alignment of the canonical face to the mesh."""
    seen = (mesh - mesh.mean(axis=0)) * np.array([1, -1, -1], np.float32)
    model = canonical - canonical.mean(axis=0)
    u, _, vt = np.linalg.svd(model.T @ seen)
    flip = np.diag([1.0, 1.0, float(np.sign(np.linalg.det(vt.T @ u.T)))])
    rotation = vt.T @ flip @ u.T
    yaw = np.degrees(np.arctan2(rotation[0, 2], rotation[2, 2]))
    pitch = np.degrees(np.arcsin(np.clip(-rotation[1, 2], -1, 1)))
    roll = np.degrees(np.arctan2(rotation[0, 1], rotation[1, 1]))
    return float(yaw), float(pitch), float(roll)
