"""Stage `faces` by a model pack of InsightFace.

Detection, identity, age and gender are the pack's; what it does not read, expression and head pose, stays
with the networks of the cpu profile, which also confirm weak detections. Embeddings of the two do not
compare: a gallery of the one does not know the faces of the other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions
from mmu.perception.face_analysis import FaceAnalyzer, FaceBox
from mmu.perception.face_signals import FaceSources
from mmu.perception.faces import Faces
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost
from models import age_gender
from models.age_gender import AgeGender, AgeGenderNet
from models.expression import ExpressionNet
from models.face_landmarks import FaceLandmarks
from models.insightface_pack import InsightFacePack, pack_place

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

#: networks of the cpu profile that read what a pack does not
_BESIDE = ("fer", "face-landmarker", "age", "gender")


class FaceOptions(AdapterOptions):
    """Options of `insightface`."""

    threshold: float = Field(0.5, gt=0, lt=1, description="least score of a detection")
    same_person: float = Field(
        0.35, gt=0, lt=1, description="cosine of two embeddings from which they are one person"
    )
    sure: float = Field(0.7, gt=0, lt=1, description="score from which a face needs no second opinion")


class InsightFaces(AdaptedStage[FaceOptions]):
    """Faces as tracks and people, with 512-d ArcFace embeddings."""

    name = "faces"
    needs = Faces.needs
    emits = Faces.emits
    cost = Cost(cpus=1.0, memory_mb=900)
    models = _BESIDE
    Options: ClassVar[type[AdapterOptions]] = FaceOptions
    requires = ("insightface", "onnxruntime")
    extra = "faces"

    _stage: Faces | None = None
    _notes: Sequence[str] = ()

    def check(self, store: Store) -> Mapping[str, str]:
        found = super().check(store)
        if self.options.device not in ("auto", "cpu"):
            pack_place(self.options.device)
        return found

    def setup(self, store: Store, *, threads: int = 1) -> None:
        options, pack = self.options, self._pack(store, threads)
        sure = options.sure
        self._notes = pack.notes
        self._stage = Faces(
            same_person=options.same_person,
            one_look=(sure + 0.1, sure, 0.9),
            more_looks=(sure, options.threshold + 0.05, 0.5),
            analyzer=PackAnalyzer(store, pack, sure=sure, threads=threads),
            sources=FaceSources(
                self.source, self.source, self.source if pack.has_traits else age_gender.SOURCE
            ),
        )

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._stage is None:
            raise RuntimeError("InsightFaces.run before setup")
        return self._stage.run(clip, signals)

    def notes(self) -> list[str]:
        return list(self._notes)

    def _pack(self, store: Store, threads: int) -> InsightFacePack:
        options = self.options
        return InsightFacePack(
            self.weights(store).path, device=options.device, threads=threads, threshold=options.threshold
        )

    def close(self) -> None:
        self._stage = None
        super().close()


class PackAnalyzer(FaceAnalyzer):
    """The face networks with detection, identity, age and gender from a pack."""

    def __init__(self, store: Store, pack: InsightFacePack, *, sure: float, threads: int = 1) -> None:
        """Load what the pack has not.

        Raises:
            ModelError: weights are missing or damaged.
        """
        self._pack = pack
        self.sure = sure
        self._traits = (
            None
            if pack.has_traits
            else AgeGenderNet(store.file("age"), store.file("gender"), threads=threads)
        )
        self._detector = pack
        self._identity = pack
        self._expression = ExpressionNet(store.file("fer"), threads=threads)
        self._landmarks = FaceLandmarks(store.file("face-landmarker"), threads=threads)

    def age_gender(self, image: NDArray[np.uint8], face: FaceBox) -> AgeGender:
        """Age and apparent gender of one face."""
        if self._traits is not None:
            return self._traits.read(image, face.points)
        return self._pack.age_gender(image, face.box)
