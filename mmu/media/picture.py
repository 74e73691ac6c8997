"""Decoded video frames to upright 8-bit BGR arrays."""

from __future__ import annotations

import av
import cv2
import numpy as np
from av.video.reformatter import ColorTrc, VideoReformatter
from numpy.typing import NDArray

from mmu.media.dense import small_size

_ROTATE = {90: cv2.ROTATE_90_CLOCKWISE, 180: cv2.ROTATE_180, 270: cv2.ROTATE_90_COUNTERCLOCKWISE}
#: Transfer functions of high dynamic range: PQ and HLG.
_HDR = (int(ColorTrc.SMPTE2084), int(ColorTrc.ARIB_STD_B67))
_BT2020 = 9
#: Display-referred white of an SDR picture inside an HDR signal, cd/m² (ITU-R BT.2408).
_SDR_WHITE = 203.0


def is_hdr(frame: av.VideoFrame) -> bool:
    """Whether the frame is coded with PQ or HLG."""
    return int(frame.color_trc) in _HDR


def clockwise(frame: av.VideoFrame) -> int:
    """Clockwise degrees (0, 90, 180, 270) that turn the stored picture upright."""
    degrees = int(frame.rotation)
    # A damaged display matrix gives INT_MIN; odd angles cannot be honoured without cropping.
    if abs(degrees) > 360 or degrees % 90:
        return 0
    return -degrees % 360


def upright(image: NDArray[np.uint8], rotation: int) -> NDArray[np.uint8]:
    """Turn a picture clockwise by 0, 90, 180 or 270 degrees."""
    return np.asarray(cv2.rotate(image, _ROTATE[rotation]), np.uint8) if rotation else image


def on_white(bgra: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Composite (h, w, 4) BGRA with straight alpha on white; (h, w, 3) BGR."""
    alpha = bgra[..., 3:].astype(np.uint16)
    colour = bgra[..., :3].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


class Converter:
    """Converts the frames of one stream to BGR at a given size (before rotation).

    Range and matrix of the stream are honoured, untagged streams taken as BT.601
    below 720 lines and BT.709 from there on. Transparent pixels become white. PQ and HLG are
    tone-mapped to SDR.
    """

    def __init__(self, interpolation: str, threads: int) -> None:
        self._interpolation = interpolation
        self._threads = threads
        self._reformatter = VideoReformatter()
        self._tone: ToneMap | None = None

    def bgr(self, frame: av.VideoFrame, size: tuple[int, int]) -> NDArray[np.uint8]:
        """The frame as (h, w, 3) uint8 BGR; `size` is (width, height)."""
        hdr = is_hdr(frame)
        alpha = _has_alpha(frame)
        layout = "rgb48le" if hdr else "bgra" if alpha else "bgr24"
        colorspace = int(frame.colorspace)
        if colorspace in (2, 3) and not frame.format.is_rgb:
            colorspace = 1 if frame.height >= 720 else 5
        converted = self._reformatter.reformat(
            frame,
            width=size[0],
            height=size[1],
            format=layout,
            src_colorspace=colorspace if colorspace in (1, 4, 5, 6, 7, 9) else None,
            interpolation=self._interpolation,
            threads=self._threads,
        )
        array = np.asarray(converted.to_ndarray())
        if hdr:
            trc = int(frame.color_trc)
            if self._tone is None or self._tone.trc != trc:
                self._tone = ToneMap(trc, wide=int(frame.color_primaries) == _BT2020)
            return self._tone(array.astype(np.uint16, copy=False))
        if alpha:
            return on_white(array.astype(np.uint8, copy=False))
        return np.ascontiguousarray(array, np.uint8)


class ToneMap:
    """16-bit PQ or HLG RGB to 8-bit BT.709 BGR.

    PQ (SMPTE ST 2084) and HLG (ITU-R BT.2100) are taken to linear light relative
    to a white of 203 cd/m² (BT.2408), highlights are compressed with extended
    Reinhard, BT.2020 primaries are brought to BT.709, and the result gets the
    sRGB curve.
    """

    #: Linear value (in units of SDR white) that becomes full white.
    PEAK = 1000.0 / _SDR_WHITE

    def __init__(self, trc: int, *, wide: bool) -> None:
        self.trc = trc
        code = np.linspace(0, 1, 4096, dtype=np.float32)
        self._linear = (_pq(code) if trc == int(ColorTrc.SMPTE2084) else _hlg(code)).astype(np.float32)
        level = np.linspace(0, 1, 4096, dtype=np.float32)
        srgb = np.where(level <= 0.0031308, 12.92 * level, 1.055 * level ** (1 / 2.4) - 0.055)
        self._encode = np.round(np.clip(srgb, 0, 1) * 255).astype(np.uint8)
        self._matrix = _BT2020_TO_709 if wide else np.eye(3, dtype=np.float32)

    def __call__(self, rgb: NDArray[np.uint16]) -> NDArray[np.uint8]:
        """(h, w, 3) uint16 RGB to (h, w, 3) uint8 BGR."""
        linear = self._linear[rgb >> 4] @ self._matrix.T
        np.maximum(linear, 0, out=linear)
        luma = linear @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        gain = (1 + luma / self.PEAK**2) / (1 + luma)
        # Reinhard alone darkens the middle; the factor puts 18 % grey (26 cd/m²) back to 18 %.
        linear *= (gain * 1.6)[..., None]
        index = np.minimum(linear * 4095, 4095).astype(np.uint16)
        return np.ascontiguousarray(self._encode[index][..., ::-1])


def _pq(code: NDArray[np.float32]) -> NDArray[np.float32]:
    m1, m2 = 2610 / 16384, 2523 / 4096 * 128
    c1, c2, c3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32
    power = code ** np.float32(1 / m2)
    light = (np.maximum(power - c1, 0) / (c2 - c3 * power)) ** (1 / m1)
    return np.asarray(light * (10000.0 / _SDR_WHITE), np.float32)


def _hlg(code: NDArray[np.float32]) -> NDArray[np.float32]:
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(code <= 0.5, code**2 / 3, (np.exp((code - c) / a) + b) / 12)
    # The system gamma of a 1000 cd/m² display, applied per channel.
    return np.asarray(1000.0 / _SDR_WHITE * scene**1.2, np.float32)


_BT2020_TO_709 = np.array(
    [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]], np.float32
)


def _has_alpha(frame: av.VideoFrame) -> bool:
    name = frame.format.name
    return name.startswith(("yuva", "rgba", "bgra", "argb", "abgr", "gbrap", "ya", "pal8"))


def fitted_size(width: int, height: int, side: int) -> tuple[int, int]:
    """(width, height) scaled down so that the long side is at most `side`."""
    return small_size(width, height, side)
