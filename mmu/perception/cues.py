"""Simple figures of one frame that hint at place, light and style. All from a copy 256 pixels long."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

_SIDE = 256


class PlaceCues(NamedTuple):
    """Shares of pixels, 0..1, but for `light`."""

    #: mean of the value channel, 0..1
    light: float
    #: nearly black pixels
    dark: float
    #: smooth blue of the upper third, brighter than what lies below
    blue_above: float
    #: smooth, bright and nearly colourless area of the upper third (overcast sky)
    pale_above: float
    #: textured green of the lower half
    green_below: float
    #: textured green of the upper half
    green_above: float
    #: bright, colourless, not burnt out, lower half
    white_below: float
    #: blue or blue-green all over
    blue_all: float
    #: red to yellow glow of the upper half beside dark below
    glow_above: float


class StyleCues(NamedTuple):
    """How the picture was made."""

    #: spread of chroma around its mean, 0..128; near 0 for grey or tinted pictures
    chroma: float
    #: pixels whose surroundings do not vary at all
    flat: float
    #: share of the pixels with some gradient whose gradient is hard
    hard_edges: float
    #: share of pixels held by the 12 commonest of 512 colours
    few_colours: float
    #: mean saturation, 0..1
    saturation: float
    #: sharp share of the picture where the rest is soft, not empty (0 = all sharp or all empty)
    shallow: float
    #: evenness of texture over the picture, 0..1
    even_texture: float
    #: spread of grey, 0..1
    spread: float


def small(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Copy of a frame (h, w, 3) uint8 BGR at most 256 pixels long."""
    scale = min(1.0, _SIDE / max(image.shape[:2]))
    size = (max(8, round(image.shape[1] * scale)), max(8, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))


def place_cues(image: NDArray[np.uint8]) -> PlaceCues:
    """Cues of place and light in a copy made by `small`."""
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    hue, sat, val = (hsv[:, :, i].astype(np.float32) for i in range(3))
    rough = _roughness(_grey(image))
    third, half = max(1, image.shape[0] // 3), max(1, image.shape[0] // 2)
    blue = (hue >= 90) & (hue <= 130) & (sat >= 50) & (val >= 90)
    green = (hue >= 30) & (hue <= 85) & (sat >= 45) & (val >= 35) & (rough >= 3)
    pale = (sat <= 40) & (val >= 170) & (rough <= 3)
    white = (sat <= 45) & (val >= 150)
    glow = ((hue <= 25) | (hue >= 170)) & (sat >= 90) & (val >= 130)
    above, below = float(val[:third].mean()), float(val[half:].mean())
    return PlaceCues(
        light=float(val.mean()) / 255,
        dark=float((val <= 40).mean()),
        blue_above=float((blue & (rough <= 5))[:third].mean()) if above >= 0.9 * below else 0.0,
        pale_above=float(pale[:third].mean()) if above >= 1.15 * below else 0.0,
        green_below=float(green[half:].mean()),
        green_above=float(green[:half].mean()),
        white_below=float(white[half:].mean()),
        blue_all=float(((hue >= 80) & (hue <= 125) & (sat >= 70)).mean()),
        glow_above=float(glow[:half].mean()) if above >= 1.3 * below else 0.0,
    )


def style_cues(image: NDArray[np.uint8]) -> StyleCues:
    """Cues of style in a copy made by `small`."""
    grey = _grey(image)
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    lit = (lab[:, :, 0] > 20) & (lab[:, :, 0] < 245)
    chroma = np.hypot(*(lab[:, :, i] - (lab[:, :, i][lit].mean() if lit.any() else 128) for i in (1, 2)))
    dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
    gradient = np.hypot(dx, dy) / 8
    some = gradient > 1.0
    codes = (image >> 5).astype(np.int32)
    counts = np.bincount((codes[:, :, 0] * 64 + codes[:, :, 1] * 8 + codes[:, :, 2]).ravel(), minlength=512)
    hsv = cv2.cvtColor(image, cv2.COLOR_BGR2HSV)
    return StyleCues(
        chroma=float(np.percentile(chroma[lit], 90)) if lit.mean() > 0.05 else 0.0,
        flat=float((_roughness(grey) < 0.8).mean()),
        hard_edges=float((gradient > 16).sum() / max(1, some.sum())),
        few_colours=float(np.sort(counts)[-12:].sum() / counts.sum()),
        saturation=float(hsv[:, :, 1].mean()) / 255,
        shallow=_shallow(grey),
        even_texture=_even_texture(grey),
        spread=float(grey.std()) / 255,
    )


def _grey(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), dtype=np.uint8)


def _roughness(grey: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Standard deviation of grey in 3x3 pixels."""
    image = grey.astype(np.float32)
    mean = cv2.blur(image, (3, 3))
    return np.asarray(np.sqrt(np.maximum(cv2.blur(image * image, (3, 3)) - mean * mean, 0)))


def _tiles(values: NDArray[np.float32], count: int) -> NDArray[np.float64]:
    return np.asarray(cv2.resize(values, (count, count), interpolation=cv2.INTER_AREA), dtype=np.float64)


def _shallow(grey: NDArray[np.uint8]) -> float:
    """Depth of field: whether some tiles are sharp while others have form but no detail.

    Detail is the finest band of a Laplacian pyramid, form the band three octaves below; a tile out
    of focus keeps its form and loses its detail, an empty one has neither.
    """
    image = grey.astype(np.float32)
    fine = np.abs(image - cv2.GaussianBlur(image, (0, 0), 1.0))
    low = cv2.GaussianBlur(image, (0, 0), 4.0)
    form = np.abs(low - cv2.GaussianBlur(image, (0, 0), 12.0))
    ratio = (_tiles(fine, 6) + 0.1) / (_tiles(form, 6) + 0.5)
    sharp = float(np.percentile(_tiles(fine, 6), 90))
    if sharp < 1.5:
        return 0.0
    soft = (_tiles(fine, 6) < 0.2 * sharp) & (ratio < 0.25 * float(np.percentile(ratio, 90)))
    return float(soft.mean())


def _even_texture(grey: NDArray[np.uint8]) -> float:
    """1 when every part has the same strong texture and the same mean, 0 for an ordinary scene."""
    image = grey.astype(np.float32)
    band = np.abs(image - cv2.GaussianBlur(image, (0, 0), 4.0))
    energy, mean = _tiles(band, 4), _tiles(image, 4)
    if energy.mean() < 3:
        return 0.0
    uneven = float(energy.std() / energy.mean()) + float(mean.std() / 40)
    return float(np.clip(1.3 - uneven, 0.0, 1.0))
