"""A child's voice or an adult's, from the pitch and the length of the vocal tract.

No network for it can be had. Before the voice changes (at about 13) the tract is shorter than a woman's and
the pitch somewhat higher; both overlap with those of women, so that the answer is a probability. Means and
deviations of the pitch, and how much shorter the tract is, are those of Hillenbrand et al. (JASA 97, 1995)
for men, women and children of 10 to 12; for younger ones they are rounded, after Lee, Potamianos and
Narayanan (JASA 105, 1999). Where the reference of `vocal_tract` lies, and the error of measurement, were
found on adults' speech.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mmu.perception import vocal_tract
from mmu.perception.prosody import HIGHEST, LOWEST
from models.pitch import SwiftF0

#: voiced frames (of 16 ms) that are needed, and those after which no more are listened to
_LEAST_FRAMES, _ENOUGH_FRAMES = 40, 400
#: the tract of an average man, cm (Goldstein 1980), and the factor of his formants
_MAN_CM, _MAN = 16.9, 0.96
_WOMAN = 1.12
#: pitch in Hz, factor of the formants: men, women; children of 10 to 12, of 5 to 9
_ADULTS = ((125.0, _MAN), (210.0, _WOMAN))
_CHILDREN = ((237.0, _WOMAN * 1.087), (265.0, _WOMAN * 1.22))
#: standard deviations of the logarithms among adults and among children: speech is livelier than word lists
_PITCH_SPREAD, _TRACT_SPREAD = (0.28, 0.22), (0.085, 0.07)
#: that of the measured factor is this over the root of the number of frames
_ERROR = 0.45
#: share of the voices in videos that are children's
_PRIOR = 0.1


@dataclass(frozen=True, slots=True)
class Measured:
    """What a voice was judged by."""

    #: median pitch, Hz
    pitch: float
    #: factor of the formants against the reference of `vocal_tract`
    scale: float
    #: voiced frames
    frames: int

    @property
    def tract(self) -> float:
        """Length of the vocal tract, cm."""
        return _MAN_CM * _MAN / self.scale


def measure(pieces: Sequence[NDArray[np.float32]], network: SwiftF0) -> Measured | None:
    """Pitch and vocal tract of a voice; None with too little voice.

    Args:
        pieces: (n,) float32 mono at 16 kHz each, of this voice alone.
        network: follows the pitch.
    """
    found: list[tuple[NDArray[np.float64], NDArray[np.float64]]] = []
    frames = 0
    for piece in pieces:
        found.append(vocal_tract.voiced_spectra(piece, network.track(piece, lowest=LOWEST, highest=HIGHEST)))
        frames += len(found[-1][1])
        if frames >= _ENOUGH_FRAMES:
            break
    if frames < _LEAST_FRAMES:
        return None
    power = np.concatenate([one for one, _ in found])
    hertz = np.concatenate([one for _, one in found])
    scale = vocal_tract.scale(power)
    return Measured(float(np.median(hertz)), scale, frames) if np.isfinite(scale) else None


def child(voice: Measured) -> float:
    """Probability that it is a child's voice."""
    error = _ERROR / voice.frames**0.5
    spreads = tuple(zip(_PITCH_SPREAD, (float(np.hypot(one, error)) for one in _TRACT_SPREAD), strict=True))
    adult = sum(_density(voice, group, *spreads[0]) for group in _ADULTS) / len(_ADULTS)
    young = sum(_density(voice, group, *spreads[1]) for group in _CHILDREN) / len(_CHILDREN)
    return _PRIOR * young / max(_PRIOR * young + (1 - _PRIOR) * adult, 1e-300)


def _density(voice: Measured, group: tuple[float, float], pitch: float, tract: float) -> float:
    """Of a group with mean pitch and factor, under log-normal spreads."""
    away = np.log(voice.pitch / group[0]) / pitch, np.log(voice.scale / group[1]) / tract
    return float(np.exp(-0.5 * (away[0] ** 2 + away[1] ** 2)) / (pitch * tract))
