"""What the index keeps of a video: the hashes of its frames, and of parts of its frames."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError
from mmu.media.open import open_clip
from mmu.media.options import DecodeOptions
from mmu.perception.bars import Area, picture_area
from mmu.perception.hashes import Hashes
from mmu.perception.hashing import BITS, from_hex, hash_bits
from mmu.signals import SignalSet

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from mmu.report.schema import Report

#: bytes of a packed hash
BYTES = BITS // 8
#: view with the bars or the even border that `hashes` are without; only where there are any
BARS = "bars"
#: view -> share of width and height that is kept, and where the rest is taken off (0 = right or bottom)
VIEWS: dict[str, tuple[float, float, float]] = {
    BARS: (1.0, 0.0, 0.0),
    "centre": (0.9, 0.5, 0.5),
    "top_left": (0.9, 0.0, 0.0),
    "top_right": (0.9, 1.0, 0.0),
    "bottom_left": (0.9, 0.0, 1.0),
    "bottom_right": (0.9, 1.0, 1.0),
}
#: seconds between two hashes of an original, and of a video in question: the closer its hashes
#: stand, the nearer is one to each instant that the original was hashed at
_ORIGINAL_STEP, _QUERY_STEP = 0.5, 0.2
_MIN_CHANGE = 0.03
_MAX_HASHES = 4000
#: frames that are looked at for bars
_AREA_FRAMES = 60
_MAX_SIDE = 320


@dataclass(frozen=True, slots=True, eq=False)
class Fingerprint:
    """The hashes of one video or picture."""

    #: SHA-256 of the file's bytes
    sha256: str
    #: path, URL or other name to show
    uri: str
    #: seconds
    duration: float
    #: (n,) float32 seconds
    times: NDArray[np.float32]
    #: (n, 26) uint8: packed hashes of whole frames
    hashes: NDArray[np.uint8]
    #: name in `VIEWS` -> (n, 26) uint8; a fingerprint taken from a report has none
    views: dict[str, NDArray[np.uint8]] = field(default_factory=dict)

    def timed(self, view: str = "") -> list[tuple[float, str]]:
        """(seconds, hexadecimal hash) of whole frames, or of a view of them."""
        hashes = self.views[view] if view else self.hashes
        return [(float(time), row.tobytes().hex()) for time, row in zip(self.times, hashes, strict=True)]


def fingerprint_file(path: str | Path, *, original: bool) -> Fingerprint:
    """Decode a video or picture and hash it.

    Args:
        path: path or URL.
        original: hash it for the index, with every view of its frames; else densely, to be looked up.

    Raises:
        MediaError: it cannot be decoded or has no picture.
    """
    step = _ORIGINAL_STEP if original else _QUERY_STEP
    options = DecodeOptions(
        interval=step, min_gap=min(0.2, step / 2), max_frames=_MAX_HASHES, max_side=_MAX_SIDE
    )
    with open_clip(str(path), options=options, audio_rates=frozenset()) as clip:
        return fingerprint_clip(clip, uri=str(path), step=step, views=VIEWS if original else (BARS,))


def fingerprint_clip(clip: Clip, *, uri: str, step: float, views: Iterable[str]) -> Fingerprint:
    """Hash a decoded clip every `step` seconds; see `fingerprint_file`."""
    stage = Hashes(interval=step, min_change=_MIN_CHANGE, max_hashes=_MAX_HASHES)
    signals = stage.run(clip, SignalSet())
    times = np.array([one.span.start for one in signals if one.span], np.float64)
    indices = [int(np.abs(np.asarray(clip.times) - time).argmin()) for time in times]
    area, trimmed = _usual_area(clip, indices)
    wanted = [name for name in views if name != BARS or trimmed]
    parts: dict[str, list[NDArray[np.bool_]]] = {name: [] for name in ("", *wanted)}
    for frame in clip.frames(indices) if indices else ():
        grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
        picture = area.cut(grey)
        for name, found in parts.items():
            found.append(hash_bits(_view(grey, picture, name)))
    packed = {name: _packed(found) for name, found in parts.items()}
    return Fingerprint(
        clip.sha256, uri, float(clip.duration), times.astype(np.float32), packed.pop(""), packed
    )


def fingerprint_report(report: Report) -> Fingerprint:
    """The hashes that a report holds; parts of frames cannot be had from it.

    Raises:
        ConfigError: the report has no hashes.
    """
    if report.originality is None or not report.originality.frames:
        raise ConfigError(
            f"the report of {report.uri} has no hashes: analyse the video again with the stage `hashes`"
        )
    frames = report.originality.frames
    return Fingerprint(
        report.id,
        report.uri,
        report.media.duration if report.media else frames[-1][0],
        np.array([time for time, _ in frames], np.float32),
        _packed([from_hex(text) for _, text in frames]),
    )


def _packed(bits: list[NDArray[np.bool_]]) -> NDArray[np.uint8]:
    if not bits:
        return np.zeros((0, BYTES), np.uint8)
    return np.packbits(np.stack(bits), axis=1)


def _usual_area(clip: Clip, indices: list[int]) -> tuple[Area, bool]:
    """The picture inside bars that nearly all frames have, and whether there are any.

    Frame by frame, a dark edge passes for a bar in some frames and not in others.
    """
    if not indices:
        return Area(0, 0, 1, 1), False
    edges = []
    for frame in clip.frames(indices[:: max(1, len(indices) // _AREA_FRAMES)]):
        grey = np.asarray(cv2.cvtColor(frame.image, cv2.COLOR_BGR2GRAY), np.uint8)
        area = picture_area(grey, black_only=False)
        edges.append((area.x, area.y, grey.shape[1] - area.x - area.w, grey.shape[0] - area.y - area.h))
        height, width = grey.shape
    left, top, right, bottom = (int(v) for v in np.quantile(np.array(edges), 0.1, axis=0))
    return Area(left, top, width - left - right, height - top - bottom), left + top + right + bottom > 0


def _view(grey: NDArray[np.uint8], picture: NDArray[np.uint8], name: str) -> NDArray[np.uint8]:
    """Part of a frame `grey` whose `picture` inside the bars is known; no name = all of the picture."""
    if not name:
        return picture
    if name == BARS:
        return grey
    share, x, y = VIEWS[name]
    height, width = picture.shape
    w, h = max(1, round(width * share)), max(1, round(height * share))
    left, top = round((width - w) * x), round((height - h) * y)
    return picture[top : top + h, left : left + w]
