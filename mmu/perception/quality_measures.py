"""No-reference measures of one picture: blur, noise, blocks, exposure, contrast, colour, tones.

Each returns a raw figure in its own unit; the `*_score` functions map it to 0 (bad) .. 1 (good).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

#: a picture is cut into this many tiles each way, so that an intended soft background costs nothing
_TILES = 4
#: sizes of blocks looked for, and what share of the step at a border the steps inside pixelation have
_PERIODS = (8, 2, 3, 4, 5, 6, 7, 10, 12, 16)
_HOLLOW = 0.15


def blur_effect(grey: Grey) -> float:
    """Perceptual blur of the sharpest parts of a picture (h, w): 0 sharp, 1 blurred.

    F. Crete et al., "The blur effect: perception and estimation with a new no-reference
    perceptual blur metric", SPIE 2007: how much of the differences between neighbours survives
    one more blur. Taken per tile; the upper quarter of the textured tiles counts.
    """
    image = grey.astype(np.float32)
    worst = np.zeros((_TILES, _TILES))
    texture = np.zeros((_TILES, _TILES))
    for axis in (0, 1):
        size = (1, 9) if axis == 0 else (9, 1)
        reblurred = cv2.blur(image, size, borderType=cv2.BORDER_REFLECT)
        sharp = np.abs(np.diff(image, axis=axis))
        soft = np.abs(np.diff(reblurred, axis=axis))
        lost = np.maximum(sharp - soft, 0)
        total, gone = _tile_sums(sharp), _tile_sums(lost)
        worst = np.maximum(worst, 1 - gone / np.maximum(total, 1e-6))
        texture += total
    textured = texture >= 0.25 * texture.mean()
    return float(np.percentile(worst[textured], 25)) if textured.any() else 1.0


def noise_sigma(grey: Grey) -> float:
    """Standard deviation of the noise in grey levels, from the calmest tiles of a picture (h, w).

    J. Immerkaer, "Fast Noise Variance Estimation", Computer Vision and Image Understanding 1996.
    """
    kernel = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], dtype=np.float32)
    response = np.abs(cv2.filter2D(grey.astype(np.float32), -1, kernel))[1:-1, 1:-1]
    # clipped areas have lost their noise and say nothing of the rest
    inside = ((grey > 8) & (grey < 247))[1:-1, 1:-1].astype(np.float32)
    total, count = _tile_sums(response * inside, 2 * _TILES), _tile_sums(inside, 2 * _TILES)
    sigma = np.sqrt(np.pi / 2) / 6 * total / np.maximum(count, 1)
    valid = count >= 0.3 * response.size / (2 * _TILES) ** 2
    return float(np.percentile(sigma[valid], 20)) if valid.any() else 0.0


def blockiness(grey: Grey) -> float:
    """How much steps at the borders of blocks stand out: 0 not at all, 1 as much again as others.

    In the manner of Z. Wang, H. Sheikh, A. Bovik, "No-reference perceptual quality assessment
    of JPEG compressed images", ICIP 2002; the larger of the two directions. Blocks of 8 pixels are
    those of codecs; blocks of other sizes count where nothing changes inside them (pixelation).
    """
    image = grey.astype(np.float32)
    found = 0.0
    for axis in (0, 1):
        step = np.minimum(np.abs(np.diff(image, axis=axis)), 32).mean(axis=1 - axis)
        for period in _PERIODS:
            usable = len(step) // period * period
            if usable < 4 * period:
                continue
            phases = step[:usable].reshape(-1, period).mean(axis=0)
            border = period - 1 if period == 8 else int(np.argmax(phases))
            other = np.delete(phases, border)
            if period == 8 or other.max() < _HOLLOW * phases[border]:
                found = max(found, float(phases[border] - other.max()) / (float(np.median(other)) + 0.5))
    return max(0.0, found)


def colourfulness(image: NDArray[np.uint8]) -> float:
    """Colourfulness of a picture (h, w, 3) uint8 BGR: 0 grey, about 15 slightly, 40 averagely, 90 very.

    The spread of the opponent colours after D. Hasler, S. Süsstrunk, "Measuring colourfulness in natural
    images", SPIE 2003; their mean is left out, which a cast would raise (see `colour_cast`).
    """
    blue, green, red = (image[:, :, i].astype(np.float32) for i in range(3))
    one, two = red - green, 0.5 * (red + green) - blue
    return float(np.hypot(one.std(), two.std()))


def colour_cast(image: NDArray[np.uint8]) -> float:
    """How far all colours are shifted to one side, against their spread: 0 not at all, from about 2 a cast.

    F. Gasparini, R. Schettini, "Color balancing of digital photos using simple image statistics",
    Pattern Recognition 2004: the mean of chroma in units of its standard deviation.
    """
    lab = cv2.cvtColor(image, cv2.COLOR_BGR2LAB).astype(np.float32)
    lit = (lab[:, :, 0] > 20) & (lab[:, :, 0] < 245)
    if float(lit.mean()) < 0.05:
        return 0.0
    a, b = (lab[:, :, i][lit] - 128 for i in (1, 2))
    shift, spread = float(np.hypot(a.mean(), b.mean())), float(np.hypot(a.std(), b.std()))
    # a nearly grey picture has little spread and no cast to speak of
    return shift / max(spread, 6.0)


def gradation(grey: Grey) -> float:
    """Share of the grey levels between darkest and brightest that occur: low where tones were cut away."""
    counts = np.bincount(grey.ravel(), minlength=256)
    low, high = (int(v) for v in np.percentile(grey, [2, 98]))
    used = counts[low : high + 1] > 0
    return float(used.mean()) if high - low >= 16 else 1.0


def exposure_fault(grey: Grey) -> float:
    """Share of the tonal range that is lost or missed: 0 well exposed, 1 all black or all white."""
    mean = float(grey.mean()) / 255
    dark, bright = float((grey <= 6).mean()), float((grey >= 249).mean())
    off = max(0.0, 0.3 - mean) / 0.3 if mean < 0.3 else max(0.0, mean - 0.7) / 0.3
    return float(min(1.0, max(off**1.5, 0.9 * max(0.0, dark - 0.1), 1.5 * max(0.0, bright - 0.05))))


def contrast_range(grey: Grey) -> float:
    """Spread between the 2nd and the 98th percentile of grey, as a share of the full range."""
    low, high = np.percentile(grey, [2, 98])
    return float(high - low) / 255


def sharpness_score(blur: float) -> float:
    """Score of `blur_effect`."""
    return _ramp(blur, 0.72, 0.28)


def noise_score(sigma: float) -> float:
    """Score of `noise_sigma`."""
    return _ramp(sigma, 16.0, 1.0)


def blockiness_score(blocks: float) -> float:
    """Score of `blockiness`."""
    return _ramp(blocks, 1.2, 0.03)


def contrast_score(spread: float) -> float:
    """Score of `contrast_range`."""
    return _ramp(spread, 0.1, 0.65)


def colour_score(colourful: float, cast: float) -> float:
    """Score of `colourfulness` and `colour_cast`; grey itself is no fault, faded colours are half of one."""
    lively = 0.35 + 0.65 * _ramp(colourful, 0.0, 45.0)
    return lively * (1 - 0.4 * _ramp(cast, 0.8, 3.0))


def gradation_score(share: float) -> float:
    """Score of `gradation`."""
    return _ramp(share, 0.05, 0.75)


def resolution_score(width: float, height: float) -> float:
    """Score of a picture's size in source pixels: 0 at 144 lines, 1 at 1080 and above."""
    lines = max(1.0, min(width, height))
    return _ramp(float(np.log2(lines)), float(np.log2(144)), float(np.log2(1080)))


def naturalness_score(brisque: float) -> float:
    """Score of a BRISQUE value."""
    return _ramp(brisque, 90.0, 10.0)


def stability_score(shake: float) -> float:
    """Score of `camera.shake_level`."""
    return _ramp(shake, 0.02, 0.001)


def _ramp(value: float, bad: float, good: float) -> float:
    return float(np.clip((value - bad) / (good - bad), 0.0, 1.0))


def _tile_sums(values: NDArray[np.float32], tiles: int = _TILES) -> NDArray[np.float64]:
    rows = np.linspace(0, values.shape[0], tiles + 1).astype(int)[:-1]
    columns = np.linspace(0, values.shape[1], tiles + 1).astype(int)[:-1]
    by_row = np.add.reduceat(values.astype(np.float64), rows, axis=0)
    return np.asarray(np.add.reduceat(by_row, columns, axis=1))
