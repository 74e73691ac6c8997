"""A 208-bit perceptual hash whose mirrored and turned versions follow from its own bits.

Two known hashes side by side: the gradient hash (dHash, N. Krawetz 2013), here of both directions
on an 8 x 8 grid, which forgives logos and captions; and the signs of the 80 lowest DCT coefficients
(in the manner of pHash, C. Zauner 2010, with signs in place of the median), which tells unlike
pictures apart. Mirroring or turning a picture only moves and flips bits in both, so one stored
hash finds all eight versions.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Bits = NDArray[np.bool_]

ALGORITHM = "grad128+dct80"
BITS = 208
#: the first so many bits are gradients
GRADIENT_BITS = 128
_GRID = 8
_WAVES = 9
_DCT_SIDE = 32
#: the ways a copy may be mirrored or turned
VARIANTS = (
    "same",
    "mirrored",
    "turned_90",
    "turned_180",
    "turned_270",
    "mirrored_90",
    "mirrored_180",
    "mirrored_270",
)


def hash_bits(image: NDArray[np.uint8]) -> Bits:
    """Hash of a picture (h, w) or (h, w, 3) uint8 -> (208,) bool."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
    wide = cv2.resize(grey, (_GRID + 1, _GRID), interpolation=cv2.INTER_AREA).astype(np.int16)
    tall = cv2.resize(grey, (_GRID, _GRID + 1), interpolation=cv2.INTER_AREA).astype(np.int16)
    small = cv2.resize(grey, (_DCT_SIDE, _DCT_SIDE), interpolation=cv2.INTER_AREA)
    waves = cv2.dct(small.astype(np.float32))[:_WAVES, :_WAVES]
    return _join(wide[:, 1:] > wide[:, :-1], tall[1:] > tall[:-1], waves > 0)


def to_hex(bits: Bits) -> str:
    """52 hexadecimal digits."""
    return np.packbits(bits).tobytes().hex()


def from_hex(text: str) -> Bits:
    """Bits of a hash written by `to_hex`.

    Raises:
        ValueError: not 52 hexadecimal digits.
    """
    data = bytes.fromhex(text)
    if len(data) * 8 != BITS:
        raise ValueError(f"a {ALGORITHM} hash has {BITS // 4} hexadecimal digits, got {len(text)}")
    return np.unpackbits(np.frombuffer(data, dtype=np.uint8)).astype(bool)


def variants(bits: Bits) -> dict[str, Bits]:
    """Hashes (208,) of the picture mirrored and turned clockwise, by the names in `VARIANTS`."""
    found: dict[str, Bits] = {}
    for name, start in (("turned", bits), ("mirrored", _mirror(bits))):
        turned = start
        for degrees in (0, 90, 180, 270):
            found[f"{name}_{degrees}" if degrees else ("same" if name == "turned" else name)] = turned
            turned = _mirror(_transpose(turned))
    return found


def _join(across: Bits, down: Bits, waves: Bits) -> Bits:
    return np.concatenate([across.ravel(), down.ravel(), waves.ravel()[1:]])


def _split(bits: Bits) -> tuple[Bits, Bits, Bits]:
    cells = _GRID * _GRID
    waves = np.concatenate([[False], bits[2 * cells :]]).reshape(_WAVES, _WAVES)
    return bits[:cells].reshape(_GRID, _GRID), bits[cells : 2 * cells].reshape(_GRID, _GRID), waves


def _mirror(bits: Bits) -> Bits:
    """Left and right swapped: gradients across turn round, odd waves change sign."""
    across, down, waves = _split(bits)
    odd = np.arange(_WAVES) % 2 == 1
    return _join(~across[:, ::-1], down[:, ::-1], waves ^ odd[None, :])


def _transpose(bits: Bits) -> Bits:
    across, down, waves = _split(bits)
    return _join(down.T, across.T, waves.T)
