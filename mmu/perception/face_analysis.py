"""Everything that is known about the faces of one picture: where, who, age, gender, expression, pose."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.face_expression import LABELS, clarity, fuse
from mmu.perception.face_quality import face_quality
from mmu.signals import Box
from models.age_gender import AgeGender, AgeGenderNet
from models.expression import ExpressionNet
from models.face_landmarks import FaceLandmarks
from models.sface import SFace
from models.yunet import YuNet

if TYPE_CHECKING:
    from models.store import Store

#: names of the manifest that `FaceAnalyzer` loads
MODELS = ("yunet", "sface", "age", "gender", "fer", "face-landmarker")

#: cosine of two embeddings from which they are taken for one person (pictures of fair quality)
SAME_PERSON_COSINE = 0.38

#: long side at which a picture is searched first, and then when that was not enough
SEARCH_SIDE = 640
FINE_SIDE = 1280

#: detections of at least this score need no second opinion
_SURE = 0.80
#: weaker ones need this much presence from the landmarker
_PRESENCE = 0.5
#: faces whose sides have a smaller geometric mean (pixels of the picture given) are noise
_MIN_SIDE = 14.0
#: score times presence of a face that certainly stands upright, and what a turn must add to it
_UPRIGHT, _TURN_GAIN = 0.8, 0.15
_TURNS: tuple[tuple[int, int], ...] = (
    (90, cv2.ROTATE_90_CLOCKWISE),
    (270, cv2.ROTATE_90_COUNTERCLOCKWISE),
    (180, cv2.ROTATE_180),
)


@dataclass(frozen=True, slots=True, eq=False)
class FaceBox:
    """One detected face."""

    #: pixels of the picture that was searched
    box: Box
    #: (5, 2) float32 pixels: right eye, left eye, nose tip, right and left mouth corner
    points: NDArray[np.float32]
    score: float

    @property
    def side(self) -> float:
        """Geometric mean of width and height, in pixels."""
        return float(np.sqrt(max(self.box.w, 0.0) * max(self.box.h, 0.0)))


@dataclass(frozen=True, slots=True, eq=False)
class FaceTraits:
    """What the networks read in one crop."""

    age: float
    age_spread: float
    #: probability of "female"
    female: float
    #: (7,) float32 in the order of `face_expression.LABELS`
    expression: NDArray[np.float32]
    #: probability that the crop shows a face at all
    presence: float
    #: degrees
    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """One face of a picture with all that is known about it."""

    box: Box
    score: float
    quality: float
    #: (128,) float32, L2-normalised
    embedding: NDArray[np.float32]
    age: float
    gender: str
    gender_score: float
    expression: str
    expression_score: float
    #: yaw, pitch, roll in degrees
    head_pose: tuple[float, float, float]
    #: degrees by which the picture was turned clockwise to find the face
    turned: int = 0


class FaceFinder(Protocol):
    """What finds faces; see `YuNet.detect`."""

    def detect(
        self, image: NDArray[np.uint8], *, long_side: int = 640, enlarge: bool = False
    ) -> NDArray[np.float32]: ...


class FaceIdentifier(Protocol):
    """What turns a face into a vector; see `SFace`."""

    def align(self, image: NDArray[np.uint8], points: NDArray[np.float32]) -> NDArray[np.uint8]: ...

    def embed(self, chip: NDArray[np.uint8]) -> NDArray[np.float32]: ...


class FaceAnalyzer:
    """The face networks, loaded once; safe to call from several threads."""

    #: score from which a detection needs no second opinion
    sure: float = _SURE
    _detector: FaceFinder
    _identity: FaceIdentifier

    def __init__(self, store: Store, *, threads: int = 1) -> None:
        """Load all networks from the store.

        Raises:
            ModelError: weights are missing or damaged.
        """
        self._detector = YuNet(store.file("yunet"), threads=threads, score_threshold=0.55)
        self._identity = SFace(store.file("sface"), threads=threads)
        self._age_gender = AgeGenderNet(store.file("age"), store.file("gender"), threads=threads)
        self._expression = ExpressionNet(store.file("fer"), threads=threads)
        self._landmarks = FaceLandmarks(store.file("face-landmarker"), threads=threads)

    def detect(self, image: NDArray[np.uint8], *, long_side: int = SEARCH_SIDE) -> list[FaceBox]:
        """Faces of a BGR picture, best first; weak detections are confirmed by the landmarker.

        Args:
            image: (h, w, 3) uint8 BGR.
            long_side: the search resolution, see `YuNet.detect`.
        """
        found = self.candidates(image, long_side=long_side)
        return [face for face in found if self.credible(image, face)]

    def candidates(self, image: NDArray[np.uint8], *, long_side: int = SEARCH_SIDE) -> list[FaceBox]:
        """Faces of a BGR picture, best first, with weak and false ones among them."""
        rows = self._detector.detect(image, long_side=long_side, enlarge=long_side > SEARCH_SIDE)
        found = [FaceBox(Box(*map(float, row[:4])), row[4:14].reshape(5, 2), float(row[14])) for row in rows]
        return [face for face in found if face.side >= _MIN_SIDE]

    def credible(self, image: NDArray[np.uint8], face: FaceBox) -> bool:
        """Whether the detector is sure, or the landmarker confirms what it found."""
        return face.score >= self.sure or self.presence(image, face) >= _PRESENCE

    def presence(self, image: NDArray[np.uint8], face: FaceBox) -> float:
        """Probability by the landmarker that the box really holds a face."""
        return self._landmarks.read(image, face.box, face.points).presence

    def chip(self, image: NDArray[np.uint8], face: FaceBox) -> NDArray[np.uint8]:
        """(112, 112, 3) aligned crop for `embed`."""
        return self._identity.align(image, face.points)

    def quality(self, chip: NDArray[np.uint8], face: FaceBox) -> float:
        """Worth of a crop for recognition, in [0, 1]."""
        return face_quality(chip, face.box, face.points, face.score)

    def embed(self, chip: NDArray[np.uint8]) -> NDArray[np.float32]:
        """(128,) float32, L2-normalised identity embedding."""
        return self._identity.embed(chip)

    def expression(
        self, image: NDArray[np.uint8], face: FaceBox
    ) -> tuple[NDArray[np.float32], float, tuple[float, float, float]]:
        """Expression probabilities (7,), presence, and (yaw, pitch, roll) in degrees."""
        mesh = self._landmarks.read(image, face.box, face.points)
        right, left = face.points[0], face.points[1]
        roll = float(np.degrees(np.arctan2(left[1] - right[1], left[0] - right[0])))
        raw = self._expression.read(image, face.box, roll=roll)
        shapes = mesh.blendshapes if mesh.presence >= _PRESENCE else None
        certain = clarity(face.side, mesh.yaw, mesh.pitch)
        return fuse(raw, shapes, clarity=certain), mesh.presence, (mesh.yaw, mesh.pitch, mesh.roll)

    def age_gender(self, image: NDArray[np.uint8], face: FaceBox) -> AgeGender:
        """Age and apparent gender of one face."""
        return self._age_gender.read(image, face.points)

    def traits(self, image: NDArray[np.uint8], face: FaceBox) -> FaceTraits:
        """Age, gender, expression and head pose of one face."""
        probabilities, presence, (yaw, pitch, roll) = self.expression(image, face)
        read = self.age_gender(image, face)
        return FaceTraits(read.age, read.age_spread, read.female, probabilities, presence, yaw, pitch, roll)

    def describe_image(self, image: NDArray[np.uint8]) -> list[Face]:
        """All faces of a still picture, largest first.

        A picture that shows none upright is tried turned by 90, 270 and 180 degrees, and at a
        finer resolution.
        """
        turned, upright, found = self.search_still(image)
        faces = [self._describe(upright, face, turned, image.shape[:2]) for face in found]
        return sorted(faces, key=lambda face: -face.box.area)

    def search_still(self, image: NDArray[np.uint8]) -> tuple[int, NDArray[np.uint8], list[FaceBox]]:
        """Find the faces of a still: upright, then finer, then turned.

        Returns:
            Degrees by which the picture was turned clockwise, the picture so turned, and its
            faces in the turned picture's pixels.
        """
        found = self.detect(image)
        if max(image.shape[:2]) > 1.5 * SEARCH_SIDE:
            found = _merge(found, self._confirmed(image, FINE_SIDE))
        elif not found:
            found = self._confirmed(image, FINE_SIDE)
        upright = self._worth(image, found)
        best: tuple[int, NDArray[np.uint8], list[FaceBox]] = (0, image, found)
        if upright >= _UPRIGHT:
            return best
        # A turned face is often found as it lies, with its five points in the wrong places.
        needed = max(upright + _TURN_GAIN, self.sure * _PRESENCE)
        for degrees, code in _TURNS:
            turned = np.asarray(cv2.rotate(image, code), np.uint8)
            faces = [face for face in self.detect(turned) if face.score >= self.sure]
            worth = self._worth(turned, faces)
            if worth >= needed:
                best, needed = (degrees, turned, faces), worth
        return best

    def _worth(self, image: NDArray[np.uint8], faces: list[FaceBox]) -> float:
        """Detector's score times the landmarker's presence, of the best of the first few faces."""
        return max((face.score * self.presence(image, face) for face in faces[:4]), default=0.0)

    def _confirmed(self, image: NDArray[np.uint8], long_side: int) -> list[FaceBox]:
        # At a finer scale texture passes for a face more easily: every box needs the landmarker.
        faces = self.detect(image, long_side=long_side)
        return [face for face in faces if self.presence(image, face) >= _PRESENCE]

    def _describe(self, image: NDArray[np.uint8], face: FaceBox, turned: int, shape: tuple[int, ...]) -> Face:
        chip = self.chip(image, face)
        traits = self.traits(image, face)
        top = int(np.argmax(traits.expression))
        return Face(
            box=turn_back(face.box, turned, shape[1], shape[0]),
            score=face.score,
            quality=self.quality(chip, face),
            embedding=self.embed(chip),
            age=traits.age,
            gender="female" if traits.female >= 0.5 else "male",
            gender_score=max(traits.female, 1.0 - traits.female),
            expression=LABELS[top],
            expression_score=float(traits.expression[top]),
            head_pose=(traits.yaw, traits.pitch, traits.roll),
            turned=turned,
        )


def turn_back(box: Box, degrees: int, width: int, height: int) -> Box:
    """A box of the picture turned clockwise by 0, 90, 180 or 270 degrees, in the picture itself.

    `width` and `height` are those of the picture before it was turned.
    """
    if degrees == 90:
        return Box(box.y, height - box.x - box.w, box.h, box.w)
    if degrees == 180:
        return Box(width - box.x - box.w, height - box.y - box.h, box.w, box.h)
    if degrees == 270:
        return Box(width - box.y - box.h, box.x, box.h, box.w)
    return box


def _merge(coarse: list[FaceBox], fine: list[FaceBox]) -> list[FaceBox]:
    """The coarse detections, and those fine ones that overlap none of them."""
    return coarse + [face for face in fine if all(face.box.iou(other.box) < 0.3 for other in coarse)]
