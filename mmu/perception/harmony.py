"""Chords of music: chroma over time, matched to templates, smoothed by Viterbi.

The template method of Fujishima, "Realtime chord recognition of musical sound"
(ICMC 1999), with the transitions of Bello and Pickens (ISMIR 2005): a chord
tends to stay.
"""

from __future__ import annotations

import itertools
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter, uniform_filter1d

from mmu.perception.musical_key import NAMES

RATE = 22050
SOURCE = "chroma_templates.viterbi"
_FFT, HOP = 8192, 2048
FRAME_SECONDS = HOP / RATE
_LOW, _HIGH = 60.0, 2200.0
#: share of an overtone's energy that a template expects at the fifth and the third
_OVERTONE = 0.3
#: cosine at which no chord is as good as any
_NONE = 0.55
#: cost of a change in units of cosine
_CHANGE = 1.2
#: shortest chord that is told, seconds
_SHORTEST = 0.3
NO_CHORD = "N"


class Chord(NamedTuple):
    """One chord; times in seconds from the start of the samples, `score` a mean cosine."""

    start: float
    end: float
    name: str
    score: float


def chroma_frames(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n, 12) float32 energy of the pitch classes every 2048 samples, C first, each row of length 1 (or 0).

    Args:
        samples: (n,) float32 mono at 22.05 kHz.
    """
    padded = np.pad(samples, _FFT // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FFT)[::HOP]
    window = np.hanning(_FFT).astype(np.float32)
    hertz = np.fft.rfftfreq(_FFT, 1 / RATE)
    inside = (hertz >= _LOW) & (hertz <= _HIGH)
    pitch = 69 + 12 * np.log2(hertz[inside] / 440)
    classes = np.zeros((int(inside.sum()), 12), np.float32)
    # A bin belongs to a semitone as far as it lies near its middle.
    away = np.abs(pitch - np.round(pitch))
    classes[np.arange(len(pitch)), np.round(pitch).astype(int) % 12] = np.exp(-0.5 * (away / 0.22) ** 2)
    out = np.empty((len(frames), 12), np.float32)
    for first in range(0, len(frames), 256):
        spectrum = np.abs(np.fft.rfft(frames[first : first + 256] * window, axis=1))[:, inside]
        # Only what stands out of its surroundings is a tone; the root keeps a loud one from deciding alone.
        peaks = np.maximum(spectrum - uniform_filter1d(spectrum, 25, axis=1), 0)
        out[first : first + len(spectrum)] = np.sqrt(peaks) @ classes
    size = np.linalg.norm(out, axis=1, keepdims=True)
    return np.asarray(np.where(size > 1e-4, out / np.maximum(size, 1e-9), 0), np.float32)


def chords(frames: NDArray[np.float32]) -> list[Chord]:
    """Major and minor chords of `chroma_frames`, as `C` and `A:min`, and `N` where there is none."""
    if not len(frames):
        return []
    names, templates = _templates()
    smooth = median_filter(frames, size=(5, 1))
    size = np.linalg.norm(smooth, axis=1, keepdims=True)
    smooth = smooth / np.maximum(size, 1e-9)
    scores = smooth @ templates.T
    quiet = size[:, 0] < 1e-3
    none = np.where(quiet, 1.0, _NONE)[:, None]
    scores = np.concatenate([np.where(quiet[:, None], 0, scores), none], axis=1)
    path = _viterbi(scores)
    out: list[Chord] = []
    edges = [0, *(np.flatnonzero(np.diff(path)) + 1).tolist(), len(path)]
    for first, last in itertools.pairwise(edges):
        name = [*names, NO_CHORD][int(path[first])]
        score = float(np.clip(scores[first:last, path[first]].mean(), 0, 1))
        chord = Chord(first * FRAME_SECONDS, last * FRAME_SECONDS, name, score)
        if out and (chord.end - chord.start < _SHORTEST or out[-1].name == name):
            out[-1] = out[-1]._replace(end=chord.end)
        else:
            out.append(chord)
    return out


def _templates() -> tuple[list[str], NDArray[np.float32]]:
    names: list[str] = []
    rows: list[NDArray[np.float64]] = []
    for suffix, third in (("", 4), (":min", 3)):
        base = np.zeros(12)
        for tone in (0, third, 7):
            base[tone] += 1
            # Third and fifth partials of a tone are its twelfth and its seventeenth.
            base[(tone + 7) % 12] += _OVERTONE
            base[(tone + 4) % 12] += _OVERTONE / 2
        for root in range(12):
            names.append(f"{NAMES[root]}{suffix}")
            rows.append(np.roll(base, root) / np.linalg.norm(base))
    return names, np.asarray(rows, np.float32)


def _viterbi(scores: NDArray[np.floating]) -> NDArray[np.intp]:
    best = scores[0].astype(np.float64)
    back = np.empty(scores.shape, np.int16)
    own = np.arange(scores.shape[1])
    for row in range(1, len(scores)):
        top = int(best.argmax())
        stay = best >= best[top] - _CHANGE
        back[row] = np.where(stay, own, top)
        best = scores[row] + np.where(stay, best, best[top] - _CHANGE)
    path = np.empty(len(scores), np.intp)
    path[-1] = int(best.argmax())
    for row in range(len(scores) - 1, 0, -1):
        path[row - 1] = back[row, path[row]]
    return path
