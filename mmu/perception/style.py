"""How the picture was made: black and white, close-up, cartoon, time-lapse, upright; and its colours."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.perception.bars import picture_area
from mmu.perception.colours import colour_shares
from mmu.perception.cues import StyleCues, small, style_cues
from mmu.perception.merge import choose_looks, whole
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs, Stage

if TYPE_CHECKING:
    from mmu.media.clip import Clip

_SOURCE = "style@1"
_MAX_COLOURS = 5
_MIN_SHARE = 0.08
#: ImageNet classes (by number) that are all but only ever pictured from very near: spiders and insects,
#: flowers, fungi
_TINY = frozenset((*range(70, 80), *range(300, 327), 984, 985, 986, *range(991, 998)))
#: looks, evenly spread, from which slow change is judged
_EVEN_LOOKS = 10
#: things that fill a frame without being near
_LARGE = frozenset(
    (
        "person",
        "dining table",
        "bed",
        "couch",
        "car",
        "bus",
        "train",
        "truck",
        "boat",
        "airplane",
        "motorcycle",
    )
)
_DRAWN = frozenset({"comic book"})


class Style(Stage):
    """Style labels and the main colours of the whole clip.

    Args:
        max_looks: frames looked at.
        min_score: styles below are left out.
    """

    name = "style"
    needs = Needs(
        frames=True,
        wants=frozenset({"image.label", "image.object", "face.track", "media.letterbox", "media.motion"}),
    )
    emits = frozenset({"image.style", "image.colour"})
    cost = Cost(cpus=0.5, memory_mb=60)

    def __init__(self, *, max_looks: int = 12, min_score: float = 0.25) -> None:
        self.max_looks = max_looks
        self.min_score = min_score

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        looks = choose_looks(clip, limit=self.max_looks, min_change=0.04)
        pictures = []
        for frame in clip.frames(looks.indices.tolist()) if len(looks.indices) else ():
            picture = small(frame.image)
            picture = np.ascontiguousarray(picture_area(picture).cut(picture))
            if int(picture.max()) > 30:
                pictures.append(picture)
        if not pictures:
            return []
        cues = StyleCues(
            *(float(v) for v in np.median([style_cues(picture) for picture in pictures], axis=0))
        )
        light = float(np.median([picture.max(axis=2).mean() for picture in pictures])) / 255
        scores = {
            "black_and_white": _black_and_white(cues),
            "text_slide": _text_slide(cues),
            "cartoon": _cartoon(cues, signals),
            "pattern": _pattern(cues, signals),
            "macro": _macro(cues, signals),
            "close_up": _close_up(clip, cues, signals),
            "time_lapse": _time_lapse(clip, signals),
            "dark": _ramp(light, 0.3, 0.12),
        }
        scores |= _format(clip, signals)
        out = [
            Signal("image.style", style, score, whole(clip), _SOURCE, attributes={"vocabulary": "style"})
            for style, score in sorted(scores.items(), key=lambda item: -item[1])
            if score >= self.min_score
        ]
        out += [
            Signal(
                "image.colour",
                colour.name,
                min(1.0, colour.share),
                whole(clip),
                _SOURCE,
                attributes={"vocabulary": "colour", "rgb": list(colour.rgb)},
            )
            for colour in colour_shares(pictures)[:_MAX_COLOURS]
            if colour.share >= _MIN_SHARE
        ]
        return out


def _black_and_white(cues: StyleCues) -> float:
    # a grey wall or a page has no colour either, but that is not a style
    photo = _ramp(cues.spread, 0.06, 0.12) * (1 - _text_slide(cues))
    return 0.95 * _ramp(cues.chroma, 3.0, 1.4) * photo


def _text_slide(cues: StyleCues) -> float:
    return 0.8 * _ramp(cues.hard_edges, 0.45, 0.7) * _ramp(cues.flat, 0.15, 0.35)


def _cartoon(cues: StyleCues, signals: SignalSet) -> float:
    """Flat, saturated areas with clear borders; people that a detector takes for real speak against it."""
    shape = _ramp(cues.flat, 0.3, 0.5) * _ramp(cues.saturation, 0.3, 0.55) * _ramp(cues.hard_edges, 0.1, 0.18)
    drawn = max(
        (s.score or 0.0 for s in signals.of("image.label") if s.value in _DRAWN),
        default=0.0,
    )
    real = max((s.score or 0.0 for s in signals.of("image.object") if s.value == "person"), default=0.0)
    face = 0.6 if signals.of("face.track") else 0.0
    doubt = max(0.8 * _ramp(real, 0.4, 0.8), face)
    return (1 - (1 - 0.6 * shape) * (1 - min(0.8, 2 * drawn))) * (1 - doubt) * (1 - _text_slide(cues))


def _pattern(cues: StyleCues, signals: SignalSet) -> float:
    """The same texture all over, and nothing in it that anybody would name."""
    thing = max((s.score or 0.0 for s in signals.of("image.label", "image.object")), default=0.0)
    return 0.8 * _ramp(cues.even_texture, 0.3, 0.8) * (1 - _ramp(thing, 0.45, 0.65)) * (1 - _text_slide(cues))


def _macro(cues: StyleCues, signals: SignalSet) -> float:
    best: dict[int, float] = {}
    for signal in signals.of("image.label"):
        number = signal.attributes.get("class")
        if isinstance(number, int) and number in _TINY:
            best[number] = max(best.get(number, 0.0), signal.score or 0.0)
    return min(0.85, sum(best.values())) * (0.8 + 0.2 * _ramp(cues.shallow, 0.1, 0.4))


def _close_up(clip: Clip, cues: StyleCues, signals: SignalSet) -> float:
    """A face or thing that fills much of the frame, or one sharp thing before a soft background."""
    video = clip.facts.video
    if video is None:
        return 0.0
    area = float(video.width * video.height)
    faces = [s.box.area / area for s in signals.of("face.track") if s.box]
    things = [
        (s.box.area / area) * (s.score or 0.0)
        for s in signals.of("image.object")
        if s.box and s.value not in _LARGE
    ]
    return max(
        0.9 * _ramp(max(faces, default=0.0), 0.06, 0.2),
        0.6 * _ramp(max(things, default=0.0), 0.2, 0.5),
        0.6 * _ramp(cues.shallow, 0.25, 0.5),
        _macro(cues, signals),
    )


def _time_lapse(clip: Clip, signals: SignalSet) -> float:
    """A standing camera before something that changes ever further, by even steps.

    What moves in real time comes back or jerks; growth, opening and the sun's way do not.
    """
    zoomed = any(signal.value == "zoom" for signal in signals.of("media.motion"))
    count = min(_EVEN_LOOKS, len(clip.times))
    if clip.still or clip.duration < 2 or count < 6 or len(clip.cuts) or zoomed:
        return 0.0
    places = np.linspace(0, len(clip.times) - 1, count).round().astype(int)
    grey = [_thumbnail(frame.image) for frame in clip.frames(places.tolist())]
    # a fade changes by even steps too, but only in level
    grey = [(g - g.mean()) / max(8.0, float(g.std())) for g in grey]
    steps = np.array([np.abs(b - a).mean() for a, b in pairwise(grey)])
    far = np.array([np.abs(g - grey[0]).mean() for g in grey[1:]])
    if far[-1] < 0.1 or bool((np.diff(far) <= 0).any()):
        return 0.0
    straight = float(far[-1] / steps.sum())
    uneven = float(steps.std() / steps.mean())
    return 0.65 * _ramp(straight, 0.35, 0.5) * _ramp(uneven, 0.35, 0.2)


def _thumbnail(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    tiny = cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), (64, 36), interpolation=cv2.INTER_AREA)
    return np.asarray(cv2.GaussianBlur(tiny, (0, 0), 1.0), dtype=np.float32)


def _format(clip: Clip, signals: SignalSet) -> dict[str, float]:
    """Styles that follow from the file."""
    found: dict[str, float] = {}
    video = clip.facts.video
    if video is not None and not clip.still and video.height >= 1.2 * video.width:
        found["vertical_video"] = 1.0
    if clip.still:
        found["still_picture"] = 1.0
    bars = max((s.score or 0.0 for s in signals.of("media.letterbox")), default=0.0)
    if bars:
        found["letterboxed"] = bars
    return found


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
