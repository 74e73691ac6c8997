"""Spoil good pictures step by step and see whether the quality score follows.

    python -m benchmarks.degradations [PICTURE…] [--only KIND…]

Without pictures, four photographs of scikit-image are taken. For each kind of fault the table shows the
mean score of the picture itself and at four strengths, the share of steps at which the score falls, and
how often a spoilt picture is judged better than the picture itself.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.errors import USER_ERRORS, ConfigError
from mmu.media.clip import Clip
from mmu.perception.picture_quality import PictureQuality
from mmu.perception.shots import Shots
from mmu.reasoning.quality import judge_quality
from mmu.signals import SignalSet
from models.store import Store

Picture = NDArray[np.uint8]


def _clip(values: NDArray[np.floating]) -> Picture:
    return np.asarray(np.clip(values, 0, 255), np.uint8)


def _noise(picture: Picture, sigma: float) -> Picture:
    return _clip(picture + np.random.default_rng(0).normal(0, sigma, picture.shape))


def _encoded(picture: Picture, suffix: str, option: int, value: float) -> Picture:
    return np.asarray(cv2.imdecode(cv2.imencode(suffix, picture, [option, int(value)])[1], 1), np.uint8)


def _rescaled(picture: Picture, factor: float, back: int) -> Picture:
    height, width = picture.shape[:2]
    small = cv2.resize(picture, None, fx=1 / factor, fy=1 / factor, interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.resize(small, (width, height), interpolation=back), np.uint8)


def _saturated(picture: Picture, factor: float) -> Picture:
    grey = cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)[..., None].astype(np.float64)
    return _clip(grey + (picture - grey) * factor)


def _barred(picture: Picture, share: float) -> Picture:
    lines = round(picture.shape[0] * share)
    return np.asarray(cv2.copyMakeBorder(picture, lines, lines, 0, 0, cv2.BORDER_CONSTANT), np.uint8)


#: kind -> (what spoils a picture, four strengths)
KINDS: dict[str, tuple[Callable[[Picture, float], Picture], tuple[float, ...]]] = {
    "blur": (lambda p, s: np.asarray(cv2.GaussianBlur(p, (0, 0), s), np.uint8), (0.7, 1.2, 2, 4)),
    "motion blur": (lambda p, s: np.asarray(cv2.blur(p, (int(s), 1)), np.uint8), (3, 7, 13, 25)),
    "noise": (_noise, (4, 8, 16, 32)),
    "jpeg": (lambda p, q: _encoded(p, ".jpg", cv2.IMWRITE_JPEG_QUALITY, q), (50, 25, 12, 5)),
    "jpeg 2000": (
        lambda p, q: _encoded(p, ".jp2", cv2.IMWRITE_JPEG2000_COMPRESSION_X1000, q),
        (60, 25, 10, 4),
    ),
    "upscaling": (lambda p, f: _rescaled(p, f, cv2.INTER_CUBIC), (1.5, 2, 3, 5)),
    "pixelation": (lambda p, f: _rescaled(p, f, cv2.INTER_NEAREST), (2, 3, 5, 8)),
    "dark": (lambda p, f: _clip(p * f), (0.7, 0.5, 0.3, 0.15)),
    "bright": (lambda p, b: _clip(p.astype(float) + b), (30, 60, 90, 130)),
    "contrast": (lambda p, f: _clip(p.mean() + (p - p.mean()) * f), (0.75, 0.5, 0.3, 0.15)),
    "saturation": (_saturated, (0.7, 0.4, 0.2, 0.0)),
    "colour cast": (lambda p, c: _clip(p.astype(float) + np.array([c, 0, -c])), (10, 25, 45, 70)),
    "few tones": (lambda p, n: _clip(p // int(n) * n + n / 2), (16, 32, 64, 96)),
    "letterbox": (_barred, (0.06, 0.12, 0.2, 0.3)),
}


def degraded(picture: Picture, kind: str) -> Iterator[Picture]:
    """The picture itself, then four versions of it that one fault spoils more and more."""
    spoil, strengths = KINDS[kind]
    yield picture
    for strength in strengths:
        yield spoil(picture, strength)


class Judge:
    """The shipped quality score of one picture in memory."""

    def __init__(self) -> None:
        self._quality = PictureQuality()
        self._quality.setup(Store())

    def overall(self, picture: Picture) -> float:
        """0 to 100."""
        with Clip.from_arrays(frames=[(0.0, np.ascontiguousarray(picture))]) as clip:
            media = SignalSet(Shots().run(clip, SignalSet()))
            quality = judge_quality(self._quality.run(clip, media))
        return 0.0 if quality is None else quality.overall


def main(argv: Sequence[str] | None = None) -> int:
    """Print the table; 2 on wrong usage."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.degradations", description=__doc__.splitlines()[0]
    )
    parser.add_argument("pictures", nargs="*", type=Path, metavar="PICTURE")
    parser.add_argument("--only", nargs="+", choices=list(KINDS), metavar="KIND")
    args = parser.parse_args(argv)
    try:
        pictures = [read_picture(path) for path in args.pictures] or sample_pictures()
        judge = Judge()
    except USER_ERRORS as error:
        print(f"degradations: {error}", file=sys.stderr)
        return 2
    print("| fault | itself | 1 | 2 | 3 | 4 | steps that fall | better than itself |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    steps = falling = 0
    for kind in args.only or KINDS:
        rows = [[judge.overall(one) for one in degraded(picture, kind)] for picture in pictures]
        own = sum(b < a for row in rows for a, b in pairwise(row))
        above = sum(one >= row[0] for row in rows for one in row[1:])
        steps, falling = steps + 4 * len(rows), falling + own
        means = " | ".join(f"{value:.0f}" for value in np.mean(rows, axis=0))
        print(f"| {kind} | {means} | {own}/{4 * len(rows)} | {above} |", flush=True)
    print(f"| all | | | | | | {falling}/{steps} | |")
    return 0


def read_picture(path: Path) -> Picture:
    """A picture of a file, BGR. Raises ConfigError."""
    picture = cv2.imread(str(path))
    if picture is None:
        raise ConfigError(f"{path} is no picture that can be read")
    return np.asarray(picture, np.uint8)


def sample_pictures() -> list[Picture]:
    """Four photographs of scikit-image, BGR."""
    from skimage import data

    names = ("astronaut", "chelsea", "coffee", "rocket")
    return [np.ascontiguousarray(getattr(data, name)()[:, :, ::-1]) for name in names]


if __name__ == "__main__":
    sys.exit(main())
