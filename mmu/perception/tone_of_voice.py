"""From prosody to tone of voice: angry, happy, neutral or sad, and arousal.

Four prototypes over pitch level, pitch movement and spectral tilt. Where they
lie follows what studies of acted and spontaneous speech agree on (Banse and
Scherer 1996; Juslin and Laukka 2003; Burkhardt et al. 2005): anger and joy are
high and lively, anger the tenser of the two (more energy above 1 kHz); sadness
is monotonous and dull; neutral speech is low and moderately lively. The
positions are round numbers of that size, the widths are generous.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mmu.perception.prosody import Prosody

SOURCE = "prosody_prototypes@1"
LABELS = ("angry", "happy", "neutral", "sad")
#: semitones above the voice's usual pitch, log of the movement in semitones, tilt (dB), Hammarberg index (dB)
_PROTOTYPES = np.array(
    [
        [10.0, np.log(3.5), -6.0, 15.0],
        [8.0, np.log(3.9), -10.0, 20.0],
        [1.0, np.log(3.2), -16.0, 25.0],
        [1.5, np.log(1.4), -22.0, 31.0],
    ]
)
_WIDTHS = np.array([4.0, 0.35, 6.0, 6.0])
#: tilt and Hammarberg index measure nearly the same: together they count once
_WEIGHTS = np.array([1.0, 1.0, 0.5, 0.5])
#: the measures are not independent, and a monotonous speaker is not always sad: evidence counts for less
_TEMPER = 0.6
#: most speech is neutral
_PRIOR = np.array([0.18, 0.18, 0.46, 0.18])
#: usual pitch of a voice, semitones above 100 Hz (110 and 195 Hz)
USUAL = {"male": 1.65, "female": 11.56}
#: seconds of a speaker's own speech that weigh as much as what is usual for the gender
_TRUST_SECONDS = 40.0
#: pitch moves more where it tells words apart: share of the movement that remains as expression
TONAL = frozenset({"zh", "yue", "vi", "th"})
_TONAL_FACTOR = 0.85


class Tone(NamedTuple):
    """Probability of each of `LABELS`, and arousal from 0 (calm) to 1 (excited)."""

    scores: dict[str, float]
    arousal: float

    @property
    def label(self) -> str:
        return max(self.scores, key=lambda name: self.scores[name])


def usual_pitch(gender: str | None, own: Sequence[Prosody]) -> list[tuple[float, float]]:
    """(usual pitch in semitones above 100 Hz, probability) of a voice.

    Args:
        gender: female, male, or None when it is not known: both are tried.
        own: other speech of the same voice, which shifts what is usual.
    """
    bases = [(USUAL[gender], 1.0)] if gender in USUAL else [(level, 0.5) for level in USUAL.values()]
    seconds = sum(one.voiced for one in own)
    if not seconds:
        return bases
    mean = sum(one.level * one.voiced for one in own) / seconds
    share = seconds / (seconds + _TRUST_SECONDS)
    return [((1 - share) * base + share * mean, weight) for base, weight in bases]


def judge(prosody: Prosody, usual: Sequence[tuple[float, float]], language: str = "") -> Tone:
    """Tone of voice of one stretch of speech, given what `usual_pitch` says of the voice."""
    movement = prosody.movement * (_TONAL_FACTOR if language in TONAL else 1.0)
    total = np.zeros(len(LABELS))
    arousal = 0.0
    for base, weight in usual:
        values = np.array(
            [prosody.level - base, np.log(max(movement, 0.3)), prosody.tilt, prosody.hammarberg]
        )
        total += weight * _likelihood(values)
        arousal += weight * _arousal(values)
    weights = sum(weight for _, weight in usual)
    share = total * _PRIOR
    share /= max(float(share.sum()), 1e-300)
    return Tone(dict(zip(LABELS, share.tolist(), strict=True)), arousal / weights)


def _likelihood(values: NDArray[np.float64]) -> NDArray[np.float64]:
    # Farther out than that, every prototype is equally wrong.
    away = np.clip((values - _PROTOTYPES) / _WIDTHS, -3, 3)
    return np.asarray(np.exp(-0.5 * _TEMPER * (_WEIGHTS * away**2).sum(axis=1)), np.float64)


def _arousal(values: NDArray[np.float64]) -> float:
    """Where the values lie on the way from the sad prototype to the angry one."""
    way = (_PROTOTYPES[0] - _PROTOTYPES[3]) / _WIDTHS
    moved = np.clip((values - _PROTOTYPES[3]) / _WIDTHS, -2, 4)
    share = float((_WEIGHTS * moved * way).sum() / (_WEIGHTS * way**2).sum())
    return float(np.clip(share, 0, 1))
