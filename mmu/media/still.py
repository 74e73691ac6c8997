"""Still pictures: JPEG, PNG, WebP, AVIF, BMP, TIFF, by Pillow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile

from mmu.media.picture import on_white, upright

#: EXIF orientation -> (mirror the stored picture first, then turn clockwise).
_EXIF = {
    2: (True, 0),
    3: (False, 180),
    4: (True, 180),
    5: (True, 270),
    6: (False, 90),
    7: (True, 90),
    8: (False, 270),
}
_FORMATS = ("JPEG", "PNG", "WEBP", "AVIF", "BMP", "TIFF", "MPO", "GIF")


class StillError(Exception):
    """A picture that cannot be used: `code` and a sentence."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Still:
    """One decoded picture."""

    image: NDArray[np.uint8]
    """(h, w, 3) uint8 BGR, upright."""
    codec: str
    rotation: int
    mode: str
    damage: str | None
    """What was wrong with the file, when some of it could be decoded."""


def read_still(path: Path, max_pixels: int) -> Still | None:
    """The still picture in `path`, or None when the file is something else (also an animation).

    Raises:
        StillError: it is a picture, but too large or nothing of it can be decoded.
    """
    Image.MAX_IMAGE_PIXELS = None  # the limit is checked here, with a message of our own
    try:
        picture: Image.Image = Image.open(path, formats=_FORMATS)
    except Exception:
        # Not a picture, or one so broken that the video decoder may as well say so.
        return None
    with picture:
        if getattr(picture, "n_frames", 1) > 1 and picture.format not in ("MPO", "TIFF"):
            return None
        width, height = picture.size
        if width * height > max_pixels:
            raise too_large(width, height, max_pixels)
        damage = None
        try:
            picture.load()
        except OSError as exc:
            damage = str(exc)
        except (SyntaxError, ValueError, EOFError) as exc:
            raise StillError("undecodable", f"invalid {picture.format} data: {exc}") from exc
        if damage is not None:
            picture = _load_damaged(path)
        codec = (picture.format or "").lower()
        array = _bgr(picture)
        mirror, rotation = _EXIF.get(_orientation(picture), (False, 0))
        if mirror:
            array = np.asarray(cv2.flip(array, 1), np.uint8)
        image = np.ascontiguousarray(upright(array, rotation))
        return Still(image, codec, rotation, picture.mode, damage)


def read_animation(path: Path, max_pixels: int) -> Iterator[tuple[NDArray[np.uint8], float]]:
    """(BGR picture, seconds shown) of an animated WebP; nothing for any other file.

    Raises:
        StillError: its pictures are too large or cannot be decoded.
    """
    try:
        picture = Image.open(path, formats=("WEBP",))
    except Exception:
        return
    with picture:
        if picture.width * picture.height > max_pixels:
            raise too_large(picture.width, picture.height, max_pixels)
        for index in range(getattr(picture, "n_frames", 1)):
            try:
                picture.seek(index)
                yield _bgr(picture), max(picture.info.get("duration", 100), 10) / 1000
            except (OSError, EOFError, SyntaxError) as exc:
                raise StillError("undecodable", f"invalid WEBP data: {exc}") from exc


def too_large(width: int, height: int, limit: int) -> StillError:
    """The error for a picture above the pixel limit."""
    message = f"the picture is too large: {width} x {height} pixels, the limit is {limit} in all"
    return StillError("too_many_pixels", message)


def _load_damaged(path: Path) -> Image.Image:
    ImageFile.LOAD_TRUNCATED_IMAGES = True
    picture = Image.open(path, formats=_FORMATS)
    try:
        picture.load()
    except Exception as exc:
        raise StillError("undecodable", f"invalid {picture.format} data: {exc}") from exc
    finally:
        ImageFile.LOAD_TRUNCATED_IMAGES = False
    return picture


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(0x0112, 1))
    except Exception:
        return 1  # damaged metadata must not cost the picture


def _bgr(picture: Image.Image) -> NDArray[np.uint8]:
    if picture.mode.startswith("I;16") or picture.mode == "I":
        grey = np.asarray(picture).astype(np.int64)
        grey8 = np.clip(grey >> 8, 0, 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(grey8, cv2.COLOR_GRAY2BGR), np.uint8)
    if picture.mode == "F":
        grey = np.asarray(picture)
        span = float(np.ptp(grey)) or 1.0
        grey8 = ((grey - grey.min()) / span * 255).astype(np.uint8)
        return np.asarray(cv2.cvtColor(grey8, cv2.COLOR_GRAY2BGR), np.uint8)
    if picture.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in picture.info:
        rgba = np.asarray(picture.convert("RGBA"))
        return on_white(np.ascontiguousarray(rgba[..., [2, 1, 0, 3]]))
    return np.ascontiguousarray(np.asarray(picture.convert("RGB"))[..., ::-1])
