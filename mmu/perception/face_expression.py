"""Joins two readings of an expression: a network trained on photographs, and the face's blendshapes.

The network alone calls many neutral faces sad, angry or afraid and misses
smiles with an open mouth; blendshapes measure the muscles but name no
expression. They are joined log-linearly: each blendshape group adds to, or
takes from, the log-probabilities of the expressions it belongs to or
contradicts (after the action units of FACS: AU12 is the smile, AU15 the
mouth frown, AU4 the lowered brow, AU9 the wrinkled nose, AU1+2+5+26 surprise).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from models.expression import LABELS
from models.face_landmarks import BLENDSHAPES

__all__ = ["LABELS", "clarity", "fuse"]

_FLOOR = 1e-3
#: the network is overconfident: its log-probabilities count for this much
_TRUST = 0.8

#: added to the log-probabilities whatever the blendshapes say: rare expressions need evidence
_PRIOR = {"neutral": 0.9, "fear": -1.0, "disgust": -0.7, "surprise": -0.3, "angry": -0.2, "sad": -0.2}

#: blendshape group -> (value that speaks neither way, {expression: weight per unit})
_RULES: dict[str, tuple[float, dict[str, float]]] = {
    "mouthSmile": (0.45, {"happy": 7.0, "angry": -3.0, "sad": -3.0, "fear": -3.0, "disgust": -2.0}),
    "mouthFrown": (0.10, {"sad": 4.0, "angry": 1.5, "happy": -3.0}),
    "noseSneer": (0.10, {"angry": 3.0, "disgust": 4.0}),
    "browDown": (0.60, {"angry": 1.0}),
    "browInnerUp": (0.20, {"sad": 1.0, "fear": 1.0, "surprise": 1.5}),
    "eyeWide": (0.10, {"surprise": 2.0, "fear": 2.0}),
    "jawOpen": (0.20, {"surprise": 2.0}),
}


def _members(group: str) -> list[int]:
    return [i for i, name in enumerate(BLENDSHAPES) if name in (group, f"{group}Left", f"{group}Right")]


_GROUPS = {group: _members(group) for group in _RULES}


def clarity(side: float, yaw: float, pitch: float) -> float:
    """How well an expression can be read, in [0, 1]: the networks know large frontal faces.

    Args:
        side: geometric mean of the face's width and height, in pixels.
        yaw: degrees, 0 = towards the camera.
        pitch: degrees.
    """
    turned = max(0.0, abs(yaw) - 20.0) / 40.0 + max(0.0, abs(pitch) - 20.0) / 40.0
    return float(np.clip(side / 72.0, 0.25, 1.0) * np.clip(1.0 - turned, 0.25, 1.0))


def fuse(
    network: NDArray[np.float32], blendshapes: NDArray[np.float32] | None, *, clarity: float = 1.0
) -> NDArray[np.float32]:
    """Probabilities (7,) float32 in the order of `LABELS`.

    Args:
        network: (7,) probabilities of the expression network.
        blendshapes: (52,) values of the landmarker, or None when it sees no face.
        clarity: how well the face can be read, in [0, 1]; see `clarity`.
    """
    logits = _TRUST * clarity * np.log(np.maximum(network.astype(np.float64), _FLOOR))
    for label, amount in _PRIOR.items():
        logits[LABELS.index(label)] += amount
    if blendshapes is not None:
        for group, (rest, weights) in _RULES.items():
            excess = float(blendshapes[_GROUPS[group]].mean()) - rest
            for label, weight in weights.items():
                # What a muscle at rest shows against an expression counts only for the smile: a
                # happy face without one is rare, while anger or sadness can be faint.
                if excess > 0 or (group == "mouthSmile" and label == "happy"):
                    logits[LABELS.index(label)] += weight * excess * clarity
    shares = np.exp(logits - logits.max())
    return np.asarray(shares / shares.sum(), np.float32)
