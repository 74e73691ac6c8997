"""How much a person's hands look like signing, from a few looks.

No sign is recognised. What signing shares, and resting, working or playing
hands lack, is measured: the person faces the camera, the hands are in the
signing space (between the top of the head and the chest, within reach of the
face) in many of the looks, they move, and their shapes change. Hands that
accompany speech share most of this, so the caller must see to silence.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.signals import Box

#: the signing space about the face's centre, in heights of the face
_ABOVE, _BELOW, _BESIDE = 1.0, 2.2, 2.5
#: pixels of a face's height from which hands can be judged
_MIN_FACE = 36.0
_MIN_LOOKS = 3
_FACING_YAW = 30.0


class HandSight(NamedTuple):
    """One hand of the person in one frame."""

    look: int
    #: (2,) pixels
    wrist: NDArray[np.float32]
    #: (5,) how far the fingers are stretched, in [0, 1]
    fingers: NDArray[np.float32]


def signing_score(hands: list[HandSight], faces: dict[int, Box], yaw: float | None) -> float:
    """A score in [0, 1]: share of looks with active hands, times movement; less from few looks.

    Args:
        hands: of the main person in all looks.
        faces: the main person's face in each look where it is seen.
        yaw: degrees by which the head is turned away; None = not measured.
    """
    if len(faces) < _MIN_LOOKS or yaw is None or abs(yaw) > _FACING_YAW:
        return 0.0
    if float(np.median([box.h for box in faces.values()])) < _MIN_FACE:
        return 0.0
    placed = [(hand, _place(hand, faces[hand.look])) for hand in hands if hand.look in faces]
    active = [(hand, place) for hand, place in placed if _in_space(place)]
    looks = {hand.look for hand, _ in active}
    if len(looks) < 2:
        return 0.0
    share = len(looks) / len(faces)
    spots = np.stack([place for _, place in placed])
    travel = float(np.hypot(*spots.std(axis=0)))
    shapes = np.stack([hand.fingers for hand, _ in placed])
    variety = float(shapes.std(axis=0).mean())
    lively = min(1.0, travel / 0.5) * 0.6 + min(1.0, variety / 0.3) * 0.4
    certain = 0.6 + 0.1 * min(4, len(looks))
    # An isolated sign begins and ends at rest, so half of the looks are enough.
    return float(np.clip(min(1.0, share / 0.5) * lively * certain, 0.0, 1.0))


def _place(hand: HandSight, face: Box) -> NDArray[np.float64]:
    """The wrist as seen from the face's centre, in heights of the face."""
    centre = np.array([face.x + face.w / 2, face.y + face.h / 2])
    return np.asarray((hand.wrist - centre) / max(face.h, 1.0), np.float64)


def _in_space(place: NDArray[np.float64]) -> bool:
    return bool(abs(place[0]) <= _BESIDE and -_ABOVE <= place[1] <= _BELOW)
