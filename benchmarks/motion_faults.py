"""Shake, freeze and black out videos step by step and see whether the quality's parts follow.

    python -m benchmarks.motion_faults [PICTURE…] [--only KIND…]

The videos are windows that move over a picture (without any, four photographs of scikit-image), encoded
as H.264 and read from the file. A shaking hand is noise between 2 and 8 Hz; frozen and black stretches
last 1.2 seconds each.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import mmu
from benchmarks.degradations import Picture, read_picture, sample_pictures
from mmu.errors import USER_ERRORS

FPS, SECONDS, WIDTH, HEIGHT = 25, 8, 640, 360
STRETCH = 1.2
#: kind -> (part of the quality that must fall, strengths: share of the frame, or number of stretches)
KINDS: dict[str, tuple[str, tuple[float, ...]]] = {
    "shake": ("stability", (0.0, 0.003, 0.006, 0.012, 0.025)),
    "freeze": ("continuity", (0, 1, 2, 3, 4)),
    "black": ("continuity", (0, 1, 2, 3, 4)),
}


def frames(picture: Picture, kind: str, strength: float) -> Iterator[Picture]:
    """The frames (360, 640, 3) of a video with one fault."""
    count = FPS * SECONDS
    scale = max(1.35 * WIDTH / picture.shape[1], 1.35 * HEIGHT / picture.shape[0])
    large = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    room = np.array([large.shape[1] - WIDTH, large.shape[0] - HEIGHT], float)
    at = 0.2 * room + np.linspace(0, 0.5, count)[:, None] * room
    if kind == "shake":
        at = at + strength * WIDTH * _hand(count)
    bad = np.zeros(count, bool)
    stretches = 0 if kind == "shake" else round(strength)
    for number in range(stretches):
        first = round((number + 0.2) * count / stretches)
        bad[first : first + round(STRETCH * FPS)] = True
    last = None
    for place, spoilt in zip(np.clip(at, 0, room), bad, strict=True):
        if not spoilt or last is None:
            matrix = np.array([[1, 0, -place[0]], [0, 1, -place[1]]], np.float64)
            last = np.asarray(cv2.warpAffine(large, matrix, (WIDTH, HEIGHT)), np.uint8)
        yield np.zeros_like(last) if spoilt and kind == "black" else last


def _hand(count: int) -> NDArray[np.float64]:
    """(n, 2) noise between 2 and 8 Hz with a standard deviation of 1."""
    noise = np.fft.rfft(np.random.default_rng(1).standard_normal((count, 2)), axis=0)
    hertz = np.fft.rfftfreq(count, 1 / FPS)
    noise[(hertz < 2) | (hertz > 8)] = 0
    shaken = np.fft.irfft(noise, count, axis=0)
    return np.asarray(shaken / shaken.std(), np.float64)


def write(path: Path, pictures: Iterator[Picture]) -> None:
    """Encode frames as H.264."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS, options={"crf": "18", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())


def scores(analyzer: mmu.Analyzer, picture: Picture, kind: str, folder: Path) -> list[float]:
    """The part's score at each strength."""
    part, strengths = KINDS[kind]
    found = []
    for strength in strengths:
        path = folder / f"{kind}-{strength}.mp4"
        write(path, frames(picture, kind, strength))
        quality = analyzer.analyze(path).quality
        parts = {one.name: one.score for one in quality.parts} if quality else {}
        found.append(parts.get(part, float("nan")))
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 on wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.motion_faults", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), default=list(KINDS), metavar="KIND")
    args = parser.parse_args(argv)
    print(
        "| fault | part | itself | 1 | 2 | 3 | 4 | steps that fall |\n|---|---|---:|---:|---:|---:|---:|---:|"
    )
    try:
        pictures = [read_picture(path) for path in args.pictures] or sample_pictures()
        with (
            mmu.Analyzer(only=["shots", "picture_quality"]) as analyzer,
            tempfile.TemporaryDirectory() as folder,
        ):
            for kind in args.only:
                part = KINDS[kind][0]
                rows = [scores(analyzer, one, kind, Path(folder)) for one in pictures]
                falls = sum(after < before for row in rows for before, after in pairwise(row))
                means = " | ".join(f"{value:.0f}" for value in np.mean(rows, axis=0))
                print(f"| {kind} | {part} | {means} | {falls}/{4 * len(rows)} |", flush=True)
    except USER_ERRORS as error:
        print(f"motion_faults: {error}", file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
