"""Small pictures for the page: a poster, a film strip and a face for each person.

They make the page readable where the browser cannot play the file, and on paper.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.report.schema import Report

if TYPE_CHECKING:
    from mmu.media.clip import Clip

#: pictures in the film strip
STRIP_FRAMES = 14
_STRIP_HEIGHT, _POSTER_SIDE, _FACE_SIDE = 72, 960, 144


@dataclass(frozen=True, slots=True)
class Pictures:
    """JPEG bytes; `strip` is [(seconds, jpeg)], `faces` is by person id."""

    poster: bytes | None = None
    strip: list[tuple[float, bytes]] = field(default_factory=list)
    faces: dict[str, bytes] = field(default_factory=dict)


def take_pictures(clip: Clip, report: Report) -> Pictures:
    """Take the pictures from the clip's sampled frames; a clip without frames gives none."""
    times = np.asarray(clip.times, dtype=np.float64)
    if not len(times):
        return Pictures()
    duration = report.media.duration if report.media else float(times[-1])
    count = 1 if clip.still else min(STRIP_FRAMES, len(times))
    wanted = [(k + 0.5) * duration / count for k in range(count)]
    strip_index = sorted({_nearest(times, t) for t in wanted})
    face_index = {
        person.id: (_nearest(times, person.best_time), person.box)
        for person in report.people
        if person.box is not None and person.best_time is not None
    }
    poster_index = strip_index[min(1, len(strip_index) - 1)]
    poster: bytes | None = None
    strip: list[tuple[float, bytes]] = []
    faces: dict[str, bytes] = {}
    for frame in clip.frames(sorted({*strip_index, *(index for index, _ in face_index.values())})):
        if frame.index == poster_index:
            poster = _jpeg(_fit(frame.image, _POSTER_SIDE), 80)
        if frame.index in strip_index:
            height, width = frame.image.shape[:2]
            side = round(_STRIP_HEIGHT * max(1.0, width / height))
            strip.append((frame.time, _jpeg(_fit(frame.image, side), 70)))
        for person, (index, box) in face_index.items():
            if index == frame.index and box is not None:
                crop = _square(frame.image, [value / clip.scale for value in box])
                if crop is not None:
                    faces[person] = _jpeg(crop, 82)
    return Pictures(poster, strip, faces)


def _nearest(times: NDArray[np.float64], t: float) -> int:
    return int(np.argmin(np.abs(times - t)))


def _fit(image: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    factor = side / max(image.shape[:2])
    if factor >= 1:
        return image
    height, width = (max(1, round(n * factor)) for n in image.shape[:2])
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)


def _square(image: NDArray[np.uint8], box: list[float]) -> NDArray[np.uint8] | None:
    """The face with a little room around it, as a square; None when the box lies outside."""
    x, y, w, h = box
    side = 1.5 * max(w, h)
    if not np.isfinite(side) or side < 8:
        return None
    left, top = round(x + w / 2 - side / 2), round(y + h / 2 - side / 2)
    right, bottom = round(left + side), round(top + side)
    height, width = image.shape[:2]
    crop = image[max(0, top) : max(0, min(height, bottom)), max(0, left) : max(0, min(width, right))]
    if min(crop.shape[:2]) < 8:
        return None
    return np.asarray(cv2.resize(crop, (_FACE_SIDE, _FACE_SIDE), interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    if not ok:
        raise ValueError(f"cannot encode a picture of shape {image.shape}")
    return bytes(data)
