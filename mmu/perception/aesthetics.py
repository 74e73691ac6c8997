"""How pleasing a picture is by rules of photography: composition, colour, light, simplicity, a sharp subject.

No learned network of aesthetics can be had with free terms, so these are the classical measures of
R. Datta et al., "Studying Aesthetics in Photographic Images Using a Computational Approach", ECCV 2006,
and Y. Ke, X. Tang, F. Jing, "The Design of High-Level Features for Photo Quality Assessment", CVPR 2006.
They order a spoiled picture below its original and a cluttered snapshot below a composed photograph; they
know nothing of content, and say little between two good pictures.
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.quality_measures import colourfulness

_SIDE = 256
#: hues are judged in so many bins, where saturation and value are at least these
_BINS, _MIN_SATURATION, _MIN_VALUE = 36, 50, 40


class Aesthetics(NamedTuple):
    """Parts from 0 (poor) to 1 (good)."""

    #: the subject lies on a third or in the middle, and the picture is balanced about it
    composition: float
    #: hues gather in one or two families
    harmony: float
    #: neither pale nor glaring
    colour: float
    #: the full range of tones, without burnt or drowned areas
    light: float
    #: edges gather at a subject rather than all over
    simplicity: float
    #: the subject is sharp, and sharper than the rest
    subject: float

    @property
    def score(self) -> float:
        """Weighted mean, in [0, 1]."""
        return float(np.dot(self, _WEIGHTS) / sum(_WEIGHTS))


_WEIGHTS = (1.5, 1.0, 1.0, 1.5, 1.0, 2.0)


def aesthetics(image: NDArray[np.uint8]) -> Aesthetics:
    """Judge a picture (h, w, 3) uint8 BGR."""
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    size = (max(16, round(image.shape[1] * scale)), max(16, round(image.shape[0] * scale)))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
    grey = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY), np.float32)
    salient = saliency(grey)
    return Aesthetics(
        composition=_composition(salient),
        harmony=_harmony(small),
        colour=_bell(colourfulness(small), 8.0, 45.0, 130.0),
        light=_light(grey),
        simplicity=_simplicity(grey),
        subject=_subject(image, salient),
    )


def saliency(grey: NDArray[np.float32]) -> NDArray[np.float32]:
    """Where the eye goes: (h, w) float32 that sums to 1, of a grey picture.

    X. Hou, L. Zhang, "Saliency Detection: A Spectral Residual Approach", CVPR 2007.
    """
    small = cv2.resize(grey, (64, 64), interpolation=cv2.INTER_AREA)
    spectrum = np.fft.fft2(small)
    level = np.log(np.abs(spectrum) + 1e-6).astype(np.float32)
    residual = level - cv2.blur(level, (3, 3))
    shown = np.abs(np.fft.ifft2(np.exp(residual + 1j * np.angle(spectrum)))) ** 2
    smooth = cv2.GaussianBlur(shown.astype(np.float32), (0, 0), 3)
    full = cv2.resize(smooth, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)
    full = np.maximum(full - float(np.percentile(full, 50)), 0)
    return np.asarray(full / max(float(full.sum()), 1e-9), np.float32)


def _composition(salient: NDArray[np.float32]) -> float:
    height, width = salient.shape
    total = float(salient.sum())
    if total <= 0:
        return 0.5
    x = float(salient.sum(axis=0) @ np.arange(width)) / width
    y = float(salient.sum(axis=1) @ np.arange(height)) / height
    places = [(px, py) for px in (1 / 3, 0.5, 2 / 3) for py in (1 / 3, 0.5, 2 / 3)]
    near = min(float(np.hypot(x - px, y - py)) for px, py in places)
    left = float(salient[:, : width // 2].sum())
    balance = 1 - abs(2 * left - 1)
    return float(np.clip(0.65 * (1 - near / 0.2) + 0.35 * balance, 0, 1))


def _harmony(image: NDArray[np.uint8]) -> float:
    """Share of the coloured pixels within two families of hue (an arc, and the arc opposite or beside)."""
    hue, saturation, value = cv2.split(cv2.cvtColor(image, cv2.COLOR_BGR2HSV))
    used = (saturation >= _MIN_SATURATION) & (value >= _MIN_VALUE)
    if float(used.mean()) < 0.02:
        return 0.6
    counts = np.bincount(hue[used].astype(int) * _BINS // 180, minlength=_BINS).astype(float)
    shares = counts / counts.sum()
    arc = np.convolve(np.concatenate([shares[-2:], shares, shares[:2]]), np.ones(5), mode="valid")
    first = int(np.argmax(arc))
    rest = arc.copy()
    for offset in range(-4, 5):
        rest[(first + offset) % _BINS] = 0
    return float(np.clip((arc[first] + float(rest.max()) - 0.4) / 0.55, 0, 1))


def _light(grey: NDArray[np.float32]) -> float:
    low, high = (float(v) for v in np.percentile(grey, [2, 98]))
    spread = np.clip((high - low - 60) / 130, 0, 1)
    lost = float((grey <= 4).mean()) + 1.5 * float((grey >= 251).mean())
    return float(np.clip(spread - 1.5 * max(0.0, lost - 0.08), 0, 1)) * _bell(
        float(grey.mean()), 20, 115, 225
    )


def _simplicity(grey: NDArray[np.float32]) -> float:
    """Ke et al.: the smaller the area that holds most of the edges, the simpler the picture."""
    edges = np.abs(cv2.Laplacian(cv2.GaussianBlur(grey, (0, 0), 1), cv2.CV_32F))
    tiles = cv2.resize(edges, (12, 12), interpolation=cv2.INTER_AREA).ravel()
    if float(tiles.sum()) <= 0:
        return 0.5
    ordered = np.sort(tiles)[::-1]
    needed = int(np.searchsorted(np.cumsum(ordered), 0.8 * ordered.sum())) + 1
    return float(np.clip((0.75 - needed / len(tiles)) / 0.45, 0, 1))


def _subject(image: NDArray[np.uint8], salient: NDArray[np.float32]) -> float:
    """Detail where the eye goes, in itself and against the rest."""
    scale = min(1.0, 640 / max(image.shape[:2]))
    fitted = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    grey = np.asarray(cv2.cvtColor(fitted, cv2.COLOR_BGR2GRAY), np.float32)
    fine = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 1.0))
    form = np.abs(grey - cv2.GaussianBlur(grey, (0, 0), 4.0)) + 0.5
    where = cv2.resize(salient, (grey.shape[1], grey.shape[0]), interpolation=cv2.INTER_LINEAR)
    inside = np.asarray(where >= float(np.percentile(where, 80)), bool)
    if not inside.any():
        return 0.0
    sharp = float(fine[inside].mean() / form[inside].mean())
    apart = float(fine[inside].mean() / max(float(fine[~inside].mean()) if (~inside).any() else 1.0, 0.3))
    return float(0.75 * np.clip((sharp - 0.12) / 0.26, 0, 1) + 0.25 * np.clip((apart - 1) / 2, 0, 1))


def _bell(value: float, low: float, best: float, high: float) -> float:
    """1 at `best`, falling evenly to 0 at `low` and at `high`."""
    side = (value - low) / (best - low) if value < best else (high - value) / (high - best)
    return float(np.clip(side, 0, 1))
