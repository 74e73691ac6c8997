"""Faces by a model pack of InsightFace: SCRFD detection, ArcFace identity, gender and age.

J. Guo et al., "Sample and Computation Redistribution for Efficient Face Detection", 2021; J. Deng et
al., "ArcFace", 2019. A pack is a folder of ONNX files (`buffalo_l`: det_10g, w600k_r50, genderage,
1k3d68, 2d106det), opened and prepared by the insightface package itself. The published packs are for
non-commercial research.
"""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.age_gender import AgeGender
from models.errors import ModelError
from models.onnx_place import OnnxPlace, find_place

#: what of a pack is loaded; the two of identity and detection must be in it
_NEEDED = ("detection", "recognition")
_WANTED = (*_NEEDED, "genderage")


class InsightFacePack:
    """The networks of one pack, loaded once; safe to call from several threads."""

    def __init__(
        self, folder: Path, *, device: str = "auto", threads: int = 1, threshold: float = 0.5
    ) -> None:
        """Load a pack.

        Args:
            folder: of its ONNX files.
            device: auto, cpu, cuda or cuda:N.
            threads: CPU threads of each network.
            threshold: detections below this score are dropped.

        Raises:
            ModelError: insightface is missing, a network of the pack is, or there is no such device.
        """
        try:
            import onnxruntime
            from insightface.app import FaceAnalysis
            from insightface.utils import face_align
        except (ImportError, OSError) as error:
            raise ModelError(
                f"insightface cannot be loaded ({error}): pip install 'mmu-video[faces]'"
            ) from error
        place = pack_place(device)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        present = sorted(path.name for path in folder.glob("*.onnx"))
        if not present:
            raise ModelError(f"{folder} holds no ONNX file: expected an unpacked InsightFace pack")
        try:
            app = FaceAnalysis(
                name=str(folder),
                allowed_modules=list(_WANTED),
                providers=place.providers(),
                sess_options=options,
            )
        except AssertionError as error:  # how insightface says that a pack has no detector
            raise ModelError(f"{folder} holds no face detector: found {', '.join(present)}") from error
        except Exception as error:  # whatever ONNX Runtime makes of a damaged file
            raise ModelError(f"{folder} cannot be loaded: {str(error).splitlines()[0]}") from error
        if missing := [task for task in _NEEDED if task not in app.models]:
            raise ModelError(
                f"{folder} holds no network for {', '.join(missing)}: found {', '.join(present)}"
            )
        for network in app.models.values():
            place.verify(network.session.get_providers())
        #: what a report says of where it runs
        self.notes = [] if place.kind == "cpu" else place.notes([place.provider] * len(app.models))
        app.prepare(
            ctx_id=place.index if place.kind == "cuda" else -1, det_thresh=threshold, det_size=(640, 640)
        )
        self._align: Any = face_align
        self._detector: Any = app.models["detection"]
        self._identity: Any = app.models["recognition"]
        self._traits: Any = app.models.get("genderage")
        self._lock = threading.Lock()
        #: length of an embedding
        self.dimensions = int(self._identity.output_shape[1])

    @property
    def has_traits(self) -> bool:
        """Whether the pack reads gender and age."""
        return self._traits is not None

    def detect(
        self, image: NDArray[np.uint8], *, long_side: int = 640, enlarge: bool = False
    ) -> NDArray[np.float32]:
        """Faces of a BGR picture, as `YuNet.detect` gives them.

        Args:
            image: (h, w, 3) uint8 BGR.
            long_side: side of the square that the picture is fitted into, rounded to 32 pixels.
            enlarge: not used: a smaller picture is always enlarged.

        Returns:
            (n, 15) float32 in pixels of `image`: x, y, w, h, five points (x, y), score; best first.
        """
        side = max(128, round(long_side / 32) * 32)
        with self._lock:  # it caches anchors as it goes
            fixed = getattr(self._detector, "static_input_size", None)
            boxes, points = self._detector.detect(image, input_size=fixed or (side, side))
        if points is None or not len(boxes):
            return np.empty((0, 15), np.float32)
        height, width = image.shape[:2]
        corners = np.clip(boxes[:, :4], 0, [width, height, width, height])
        rows = [
            corners[:, :2],
            corners[:, 2:] - corners[:, :2],
            points.reshape(len(points), 10),
            boxes[:, 4:5],
        ]
        found = np.hstack(rows).astype(np.float32)
        found = found[found[:, 2:4].min(axis=1) >= 1]  # what lies outside of the picture is no face
        return np.asarray(found[np.argsort(-found[:, 14], kind="stable")], np.float32)

    def align(self, image: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]:
        """(112, 112, 3) uint8 BGR crop of a face by its five points, as ArcFace was trained."""
        side = int(self._identity.input_size[0])
        return np.asarray(
            self._align.norm_crop(image, np.asarray(points, np.float32), image_size=side), np.uint8
        )

    def embed(self, chip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(dimensions,) float32, L2-normalised, of a crop made by `align`."""
        vector = np.asarray(self._identity.get_feat(chip), np.float32).reshape(-1)
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)

    def age_gender(self, image: NDArray[np.uint8], box: tuple[float, float, float, float]) -> AgeGender:
        """Age and apparent gender of one face; the pack states no spread of its own.

        Args:
            image: (h, w, 3) uint8 BGR.
            box: x, y, w, h in pixels.

        Raises:
            ModelError: the pack has no such network.
        """
        if self._traits is None:
            raise ModelError("this pack has no network for gender and age")
        net, (x, y, w, h) = self._traits, box
        side = int(net.input_size[0])
        # as insightface's own `Attribute.get`, which keeps the winner and not how clear it was
        crop, _ = self._align.transform(image, (x + w / 2, y + h / 2), side, side / (max(w, h, 1.0) * 1.5), 0)
        pixels = (crop[:, :, ::-1].astype(np.float32) - net.input_mean) / net.input_std
        blob = np.ascontiguousarray(pixels.transpose(2, 0, 1)[None], np.float32)
        female, male, age = (
            float(v) for v in net.session.run(net.output_names, {net.input_name: blob})[0][0]
        )
        return AgeGender(max(0.0, age * 100), 0.0, float(1 / (1 + np.exp(np.clip(male - female, -30, 30)))))


def pack_place(device: str) -> OnnxPlace:
    """Where the networks of a pack run on a device: auto, cpu, cuda or cuda:N.

    Raises:
        ModelError: ONNX Runtime cannot use that GPU here, or it is none of NVIDIA's.
    """
    if device == "mps":
        raise ModelError("device 'mps': insightface works on cpu and cuda; say `device: cpu` for stage faces")
    return find_place(device)
