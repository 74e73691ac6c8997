"""The shape of a face as a Wavefront OBJ file."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.errors import StoreError
from mmu.gallery.photos import only_face, read_photo
from mmu.perception.faces import FaceAnalyzer, describe_image
from models.face_landmarks import FaceLandmarks, FaceMesh
from models.face_topology import face_triangles
from models.store import Store


class PhotoMesh(NamedTuple):
    """The dense face of a photo."""

    mesh: FaceMesh
    #: (898, 3) int32 over the first 468 points; the last ten are the irises
    triangles: NDArray[np.int32]
    #: width and height of the picture that the points lie in
    size: tuple[int, int]


def photo_mesh(path: str | Path, *, store: Store | None = None, largest: bool = False) -> PhotoMesh:
    """478 points of the face in a photo, which is turned upright first when it lies on its side.

    Raises:
        ConfigError: no face, or several faces without `largest`.
        MediaError: the photo cannot be decoded.
        ModelError: weights are missing.
    """
    store = store or Store()
    analyzer = FaceAnalyzer(store)
    photo = read_photo(path)
    only_face(describe_image(photo.image, analyzer), path=path, largest=largest)
    _, upright, found = analyzer.search_still(photo.image)
    face = max(found, key=lambda one: one.box.area)
    bundle = store.file("face-landmarker")
    mesh = FaceLandmarks(bundle).read(upright, face.box, face.points)
    height, width = upright.shape[:2]
    return PhotoMesh(mesh, face_triangles(bundle), (width, height))


def write_obj(found: PhotoMesh, target: Path) -> None:
    """Write vertices, texture coordinates in the photo, and triangles.

    One unit is the distance between the outer corners of the eyes; the origin is the middle of
    the face; x is the picture's right, y up, z towards the viewer. The photo itself, as a
    texture, fits the texture coordinates.

    Raises:
        StoreError: the file cannot be written.
    """
    points = found.mesh.points.astype(np.float64)
    # landmarks 33 and 263: outer corners of the right and left eye
    unit = max(1e-6, float(np.linalg.norm(points[263] - points[33])))
    shape = (points - points[:468].mean(axis=0)) / unit * np.array([1.0, -1.0, -1.0])
    width, height = found.size
    lines = [
        "# face mesh: 478 landmarks; yaw {:.1f} pitch {:.1f} roll {:.1f} degrees".format(*pose(found.mesh)),
        "o face",
        *("v {:.5f} {:.5f} {:.5f}".format(*vertex) for vertex in shape),
        *(f"vt {x / width:.5f} {1 - y / height:.5f}" for x, y, _ in points),
        *("f {0}/{0} {1}/{1} {2}/{2}".format(*corners) for corners in (found.triangles + 1).tolist()),
    ]
    try:
        target.write_text("\n".join(lines) + "\n", encoding="ascii")
    except OSError as error:
        raise StoreError(f"cannot write {target}: {error.strerror}") from error


def pose(mesh: FaceMesh) -> tuple[float, float, float]:
    """Yaw, pitch and roll in degrees."""
    return mesh.yaw, mesh.pitch, mesh.roll
