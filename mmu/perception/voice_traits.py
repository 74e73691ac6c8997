"""What a voice sounds like: female or male, a child's or an adult's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from mmu.perception import voice_age
from models.ina_segmenter import InaSegmenter, log_mel
from models.pitch import SwiftF0

if TYPE_CHECKING:
    from models.store import Store

#: entries of the manifest
MODELS = ("ina-gender", "swift-f0")
#: probability of a child from which a voice is called one, and up to which it is called an adult's
CHILD, ADULT = 0.8, 0.2
#: feature frames between two looks of 68 at a voice: neighbours see most of the same
_STEP = 20


class Traits(Protocol):
    """Says what a voice sounds like."""

    def read(self, pieces: Sequence[NDArray[np.float32]]) -> dict[str, Any]:
        """Attributes for the signal of a speaker.

        Args:
            pieces: (n,) float32 mono at 16 kHz each, of this voice alone.
        """
        ...


class VoiceTraits:
    """Gender by a network, age group by pitch and length of the vocal tract."""

    def __init__(self, store: Store, *, threads: int = 1) -> None:
        """Load the networks.

        Raises:
            ModelError: weights are missing.
        """
        self._gender = InaSegmenter(store.file("ina-gender"), "gender", threads=threads)
        self._pitch = SwiftF0(store.file("swift-f0"), threads=threads)

    def read(self, pieces: Sequence[NDArray[np.float32]]) -> dict[str, Any]:
        """`gender`, `gender_score`; `age_group`, `age_group_score` and what they were judged by."""
        total, size = np.zeros(2), 0
        for piece in pieces:
            total += len(piece) * self._gender.probabilities(log_mel(piece), step=_STEP).mean(axis=0)
            size += len(piece)
        female, male = total / max(size, 1)
        measured = voice_age.measure(pieces, self._pitch)
        found = gender_attributes(float(female), float(male))
        found |= age_attributes(None if measured is None else voice_age.child(measured))
        if measured is not None:
            found["pitch_hz"] = round(measured.pitch, 1)
            found["tract_cm"] = round(measured.tract, 1)
        return found


def gender_attributes(female: float, male: float) -> dict[str, Any]:
    """The likelier gender, and its probability."""
    return {
        "gender": "female" if female >= male else "male",
        "gender_score": round(max(female, male), 3),
    }


def age_attributes(child: float | None) -> dict[str, Any]:
    """The age group that is likely enough to be named, and the probability of the likelier one.

    Args:
        child: probability that it is a child's voice; None when too little was heard.
    """
    if child is None:
        return {"age_group": None, "age_group_score": None}
    group = "child" if child >= CHILD else "adult" if child <= ADULT else None
    return {"age_group": group, "age_group_score": round(max(child, 1 - child), 3)}
