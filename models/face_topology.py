"""The triangles between the landmarks of the Face Landmarker, from its own bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models import protobuf
from models.errors import ModelError
from models.litert import bundle_member

_VERTICES = 468
_MESH_FIELD = 1
_INDEX_FIELD = 4


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
    except ValueError as error:
        raise ModelError(f"face landmarker: the canonical mesh cannot be read: {error}") from error
    if not indices or len(indices) % 3 or max(indices) >= _VERTICES:
        raise ModelError("face landmarker: the triangles have an unknown layout")
    return np.asarray(indices, np.int32).reshape(-1, 3)


def _mesh(message: bytes) -> bytes:
    first = next(protobuf.fields(message), None)
    if first is None or first.number != _MESH_FIELD or not isinstance(first.value, bytes):
        raise ModelError("face landmarker: the geometry file does not start with the mesh")
    return first.value


def _indices(mesh: bytes) -> list[int]:
    found = protobuf.fields(mesh)
    return [one.value for one in found if one.number == _INDEX_FIELD and isinstance(one.value, int)]
