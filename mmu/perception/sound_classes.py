"""What one hears at each moment: speech, music, singing, noise or silence, from several opinions."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import maximum_filter1d

from mmu.signals import Span

CLASSES = ("speech", "music", "singing", "noise", "silence")
#: seconds between two rows
STEP = 0.1
#: mean level below which nothing is heard, dBFS
SILENCE_DBFS = -62.0
_SPEECH, _MUSIC, _SINGING, _NOISE, _SILENCE = range(5)
#: log cost of a change of class; about a second of clear evidence pays for it
_SWITCH = 14.0
_FLOOR = 0.02
#: seconds over which singing is weighed against speech
_SONG_WINDOW = 3.0
#: seconds before and after a word that belong to speech
_PAUSE = 0.4


@dataclass(frozen=True, slots=True)
class Opinions:
    """Rows of one every `STEP` seconds, all of one length.

    `voice` (n,) is the voice activity network's speech probability, `events` (n, 3) the event
    detector's speech, singing and music, `broad` (n, 3) the broadcast network's speech, music and
    noise, `level` (n,) the mean level in dBFS.
    """

    voice: NDArray[np.float32]
    events: NDArray[np.float32]
    broad: NDArray[np.float32]
    level: NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.level)


def join(parts: Sequence[Opinions]) -> Opinions:
    """Opinions on windows, one after the other."""
    return Opinions(
        np.concatenate([part.voice for part in parts]),
        np.concatenate([part.events for part in parts]),
        np.concatenate([part.broad for part in parts]),
        np.concatenate([part.level for part in parts]),
    )


def evidence(opinions: Opinions) -> NDArray[np.float32]:
    """(n, 5) float32 evidence in [0, 1] for each of `CLASSES`, each by itself.

    The voice activity network hardly ever takes a cry, a bark or applause for speech, which the other
    two do; the broadcast network takes song for speech, which the event detector does not.
    """
    events, broad = opinions.events, opinions.broad
    # Between two words nobody speaks, and yet it is speech that one hears.
    voice = maximum_filter1d(opinions.voice, 2 * round(_PAUSE / STEP) + 1)
    speech = 0.5 * voice + 0.25 * events[:, 0] + 0.25 * broad[:, 0]
    music = 0.5 * events[:, 2] + 0.5 * broad[:, 1]
    width = round(_SONG_WINDOW / STEP)
    sung, said = _smooth(events[:, 1], width), _smooth(events[:, 0], width)
    # Song among speech-like sound: the detector hears no song at all in plain speech.
    ratio = np.clip((sung / np.maximum(said, 0.05) - 0.35) / 0.65, 0, 1)
    singing = np.maximum(events[:, 1], np.where(sung > 0.15, ratio * np.maximum(events[:, 1], said), 0))
    speech = speech * (1 - 0.8 * np.where(sung > 0.15, ratio, 0))
    music = music * (1 - 0.5 * singing)
    noise = broad[:, 2] * (1 - 0.7 * np.maximum(speech, singing))
    out = np.stack([speech, music, singing, noise, np.zeros_like(noise)], axis=1)
    silent = opinions.level < SILENCE_DBFS
    out[silent] = 0
    out[silent, _SILENCE] = 1
    # Sounds too short for the networks (between digital silence) are still heard.
    unheard = ~silent & (out.max(axis=1) < 0.4)
    out[unheard, _NOISE] = np.maximum(out[unheard, _NOISE], 0.4)
    return np.asarray(np.clip(out, 0, 1), np.float32)


def _smooth(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Centred moving average over `width` rows, shorter at the ends."""
    if not values.size:
        return values
    sums = np.concatenate([[0.0], np.cumsum(values, dtype=np.float64)])
    index = np.arange(values.size)
    first, last = np.maximum(index - width // 2, 0), np.minimum(index + width // 2 + 1, values.size)
    return np.asarray((sums[last] - sums[first]) / (last - first), np.float32)


def decode(scores: NDArray[np.float32]) -> NDArray[np.intp]:
    """(n,) most likely class of each row when changes are rare (Viterbi)."""
    if not len(scores):
        return np.empty(0, np.intp)
    gain = np.log(np.maximum(scores, _FLOOR))
    best = gain[0].copy()
    back = np.empty(scores.shape, np.int8)
    own = np.arange(len(CLASSES))
    for row in range(1, len(scores)):
        top = int(best.argmax())
        stay = best >= best[top] - _SWITCH
        back[row] = np.where(stay, own, top)
        best = gain[row] + np.where(stay, best, best[top] - _SWITCH)
    path = np.empty(len(scores), np.intp)
    path[-1] = int(best.argmax())
    for row in range(len(scores) - 1, 0, -1):
        path[row - 1] = back[row, path[row]]
    return path


@dataclass(frozen=True, slots=True)
class SoundSpan:
    """One class over a span; `score` is its mean evidence, `music` that of music below it."""

    label: str
    span: Span
    score: float
    music: float


def segments(opinions: Opinions, duration: float) -> list[SoundSpan]:
    """Contiguous spans of one class each, from 0 to `duration` seconds."""
    scores = evidence(opinions)
    path = decode(scores)
    if not path.size:
        return []
    edges = [0, *(np.flatnonzero(path[1:] != path[:-1]) + 1).tolist(), path.size]
    behind = 0.5 * opinions.events[:, 2] + 0.5 * opinions.broad[:, 1]
    out: list[SoundSpan] = []
    for first, last in itertools.pairwise(edges):
        label = int(path[first])
        end = duration if last == path.size else last * STEP
        out.append(
            SoundSpan(
                CLASSES[label],
                Span(first * STEP, max(end, first * STEP)),
                float(scores[first:last, label].mean()),
                float(behind[first:last].mean()),
            )
        )
    return out
