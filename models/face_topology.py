"""The triangles between the landmarks of the Face Landmarker, from its own bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.litert import bundle_member

_VERTICES = 468
_MESH_FIELD = 1
_INDEX_KEY = 4 << 3


def face_triangles(path: Path | str) -> NDArray[np.int32]:
    """Triangles (898, 3) int32 over the first 468 of the 478 landmarks, counter-clockwise seen from outside.

    The geometry file of the bundle is a protocol buffer whose field 1 is the canonical mesh;
    in it, field 4 holds the index buffer, one variable-length number an entry (MediaPipe,
    face_geometry/protos/mesh_3d.proto).

    Args:
        path: `face_landmarker.task`.

    Raises:
        ModelError: the bundle is missing or the mesh has an unknown layout.
    """
    message = bundle_member(path, "geometry_pipeline_metadata_landmarks.binarypb")
    try:
        indices = _indices(_mesh(message))
    except IndexError as error:
        raise ModelError("face landmarker: the canonical mesh is cut short") from error
    if not indices or len(indices) % 3 or max(indices) >= _VERTICES:
        raise ModelError("face landmarker: the triangles have an unknown layout")
    return np.asarray(indices, np.int32).reshape(-1, 3)


def _mesh(message: bytes) -> bytes:
    if message[0] >> 3 != _MESH_FIELD:
        raise ModelError("face landmarker: the geometry file does not start with the mesh")
    size, start = _varint(message, 1)
    return message[start : start + size]


def _indices(mesh: bytes) -> list[int]:
    out = []
    place = 0
    while place < len(mesh):
        key, place = _varint(mesh, place)
        if key & 7 == 0:
            value, place = _varint(mesh, place)
            if key == _INDEX_KEY:
                out.append(value)
        elif key & 7 == 5:
            place += 4
        else:
            raise ModelError("face landmarker: the canonical mesh has an unknown layout")
    return out


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, place
