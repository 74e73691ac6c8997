"""What people do to a video before they upload it again, done to a clip."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Transform:
    """One alteration: of every picture, of the clock, and of the encoding."""

    picture: Callable[[Picture], Picture] = lambda image: image
    #: 1.1 plays 10% faster
    speed: float = 1.0
    #: x264's constant rate factor; higher is worse
    crf: int = 26


def _resized(image: Picture, factor: float) -> Picture:
    return np.asarray(cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), np.uint8)


def _cropped(image: Picture, share: float, x: float = 0.5, y: float = 0.5) -> Picture:
    """`share` of width and height, with the rest taken off in the proportions `x` and `y`."""
    height, width = image.shape[:2]
    w, h = round(width * share), round(height * share)
    left, top = round((width - w) * x), round((height - h) * y)
    return image[top : top + h, left : left + w]


def _logo(image: Picture) -> Picture:
    out = image.copy()
    height, width = out.shape[:2]
    w, h = width // 5, height // 8
    top, left = height // 25, width - w - width // 25
    cv2.rectangle(out, (left, top), (left + w, top + h), (40, 40, 230), -1)
    size = h / 40
    cv2.putText(out, "mmu TV", (left + w // 12, top + 3 * h // 4), 0, size, (255, 255, 255), 2, cv2.LINE_AA)
    return out


def _subtitles(image: Picture) -> Picture:
    out = image.copy()
    height, width = out.shape[:2]
    top = height - height // 7
    out[top : height - height // 40] = 0
    size = height / 500
    cv2.putText(
        out, "and then it all began again", (width // 8, height - height // 16), 0, size, (255, 255, 255), 2
    )
    return out


def _boxed(image: Picture) -> Picture:
    """Black bars above and below, a quarter of the height in all."""
    bar = image.shape[0] // 8
    return np.asarray(
        cv2.copyMakeBorder(image, bar, bar, 0, 0, cv2.BORDER_CONSTANT, value=(0, 0, 0)), np.uint8
    )


TRANSFORMS: dict[str, Transform] = {
    "re-encoded": Transform(crf=36),
    "resized to half": Transform(lambda image: _resized(image, 0.5)),
    "cropped to 90%": Transform(lambda image: _cropped(image, 0.9)),
    "cropped to 90%, corner": Transform(lambda image: _cropped(image, 0.9, 0.0, 0.0)),
    "logo": Transform(_logo),
    "subtitle bar": Transform(_subtitles),
    "mirrored": Transform(lambda image: np.ascontiguousarray(image[:, ::-1])),
    "10% faster": Transform(speed=1.1),
    "10% slower": Transform(speed=1 / 1.1),
    "letterboxed": Transform(_boxed),
    "all: mirrored, 95% crop, logo, 5% faster": Transform(
        lambda image: _logo(np.ascontiguousarray(_cropped(image, 0.95)[:, ::-1])), speed=1.05, crf=32
    ),
}


def read_pictures(
    path: Path, *, start: float, seconds: float, side: int = 480
) -> Iterator[tuple[float, Picture]]:
    """(seconds since `start`, BGR picture) of part of a clip, at most `side` pixels long."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_count = 1
        first: float | None = None
        for frame in container.decode(stream):
            if frame.time is None:
                continue
            first = frame.time if first is None else first
            now = frame.time - first - start
            if now < 0:
                continue
            if now >= seconds:
                return
            scale = min(1.0, side / max(frame.width, frame.height))
            small = frame.reformat(width=_even(frame.width * scale), height=_even(frame.height * scale))
            yield now, np.asarray(small.to_ndarray(format="bgr24"), np.uint8)


def write_clip(pictures: Iterator[tuple[float, Picture]], target: Path, transform: Transform) -> Path:
    """Encode altered pictures as H.264 in MP4."""
    with av.open(str(target), "w") as out:
        stream = None
        for time, picture in pictures:
            altered = transform.picture(picture)
            height, width = altered.shape[:2]
            if stream is None:
                stream = out.add_stream("libx264", rate=30)
                stream.width, stream.height = _even(width), _even(height)
                stream.pix_fmt = "yuv420p"
                stream.thread_count = 1
                stream.codec_context.time_base = Fraction(1, 90000)
                stream.options = {"crf": str(transform.crf), "preset": "veryfast"}
            fitted = np.ascontiguousarray(altered[: stream.height, : stream.width])
            frame = av.VideoFrame.from_ndarray(fitted, format="bgr24")
            frame.pts = round(time / transform.speed * 90000)
            frame.time_base = Fraction(1, 90000)
            out.mux(stream.encode(frame))
        if stream is not None:
            out.mux(stream.encode())
    return target


def _even(value: float) -> int:
    return max(2, int(value) // 2 * 2)
