"""No-reference measures of one picture: blur, noise, blocks, exposure, contrast.

Each returns a raw figure in its own unit; the `*_score` functions map it to 0 (bad) .. 1 (good).
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Grey = NDArray[np.uint8]

#: a picture is cut into this many tiles each way, so that an intended soft background costs nothing
_TILES = 4


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
    """How much steps at the borders of 8x8 blocks stand out: 0 not at all, 1 as much again as others.

    In the manner of Z. Wang, H. Sheikh, A. Bovik, "No-reference perceptual quality assessment
    of JPEG compressed images", ICIP 2002; the larger of the two directions.
    """
    image = grey.astype(np.float32)
    found = 0.0
    for axis in (0, 1):
        step = np.minimum(np.abs(np.diff(image, axis=axis)), 32).mean(axis=1 - axis)
        usable = len(step) // 8 * 8
        if usable < 32:
            continue
        phases = step[:usable].reshape(-1, 8).mean(axis=0)
        other = np.delete(phases, 7)
        found = max(found, float(phases[7] - other.max()) / (float(np.median(other)) + 0.5))
    return max(0.0, found)


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


def resolution_score(width: int, height: int) -> float:
    """Score of a picture's size in source pixels: 0 at 144 lines, 1 at 1080 and above."""
    lines = max(1.0, float(min(width, height)))
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
