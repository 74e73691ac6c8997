"""On-screen text: where it is, what it says, and from when to when it stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.media.clip import Clip, Frame
from mmu.perception.text_gate import ChangeGate, LetterGate
from mmu.perception.text_lines import Line, LineTracker
from mmu.perception.text_reader import LineReading, Region, TextReader, is_han
from mmu.perception.text_roles import Canvas, language_of, roles
from mmu.recall import recalled
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models.errors import ModelError
from models.ppocr import TextDetector, TextRecognizer
from models.store import Store

_SOURCE = "ppocr@v6"


@dataclass(frozen=True, slots=True)
class TextOptions:
    """How closely to look."""

    #: long side of a video frame as the detector sees it; small letters need more, time grows with its square
    video_side: int = 960
    still_side: int = 1280
    #: grey levels by which a 1/20-wide tile must differ before a frame is looked at again
    gate: float = 6.0
    #: shortest time between two looks, in seconds
    interval: float = 0.19
    #: seconds for which a search may be put off while all known lines stand and one has come lately
    patience: float = 0.8
    #: the same while nothing like letters has come, and how much more of edges that takes, in grey levels
    calm: float = 2.2
    letters: float = 8.0
    #: lines read with less confidence are dropped
    min_score: float = 0.6


class TextStage(Stage):
    """PP-OCRv6 on changed frames; lines are joined over time into `text.line` signals.

    The small recogniser reads everything. Video frames are searched with the
    tiny detector, stills with the small one, which finds smaller letters at
    twice the time.
    """

    name: ClassVar[str] = "text"
    needs: ClassVar[Needs] = Needs(frames=True)
    emits: ClassVar[frozenset[str]] = frozenset({"text.line"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=450, seconds=16.0)
    models: ClassVar[tuple[str, ...]] = ("ppocr-tiny", "ppocr-small")
    recalls: ClassVar[bool] = True

    def __init__(
        self,
        options: TextOptions | None = None,
        *,
        video: TextReader | None = None,
        still: TextReader | None = None,
        source: str = _SOURCE,
    ) -> None:
        """Choose how closely to look, and readers in place of those that `setup` loads."""
        self.options = options or TextOptions()
        self.source = source
        self._video = video
        self._still = still

    def setup(self, store: Store, *, threads: int = 1) -> None:
        """Load the networks.

        Raises:
            ModelError: the weights are not in the store or cannot be run.
        """
        recognizer = TextRecognizer(store.file("ppocr-small", "rec.onnx"), threads=threads)
        tiny = TextDetector(store.file("ppocr-tiny", "det.onnx"), threads=threads)
        small = TextDetector(store.file("ppocr-small", "det.onnx"), threads=threads)
        self._video = TextReader(tiny, recognizer, side=self.options.video_side)
        self._still = TextReader(small, recognizer, side=self.options.still_side)

    def close(self) -> None:
        self._video = self._still = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        """Emit one `text.line` a line, in reading order. Raises ModelError before `setup`."""
        reader = self._still if clip.still else self._video
        if reader is None:
            raise ModelError("the text stage was not set up")
        tracker = LineTracker()
        gate, letters = ChangeGate(self.options.gate), LetterGate(self.options.letters)
        looked: list[float] = []
        size = (1, 1)
        for frame in clip.frames():
            size = (frame.image.shape[1], frame.image.shape[0])
            if looked and frame.time - looked[-1] < self.options.interval:
                continue
            if not gate.changed(frame.image):
                tracker.unchanged(frame.time)
                continue
            if looked and self._can_wait(frame, frame.time - looked[-1], tracker, letters):
                tracker.unchanged(frame.time)
                continue
            _look(reader, tracker, frame)
            letters.searched(frame.image)
            looked.append(frame.time)
        seconds = 0.0 if clip.still else clip.duration
        lines = [line for line in tracker.finish() if self._is_text(line, video=not clip.still)]
        canvas = Canvas(size[0], size[1], seconds)
        out = [
            _signal(line, role, clip.scale, _end(line, clip.times, clip.duration), self.source)
            for line, role in zip(lines, roles(lines, canvas), strict=True)
        ]
        return sorted(out, key=_reading_order)

    def _can_wait(self, frame: Frame, waited: float, tracker: LineTracker, letters: LetterGate) -> bool:
        """Whether the known lines are all there is, as far as can be told without a search."""
        patience, calm = self.options.patience, self.options.calm
        if waited >= max(patience, calm) or not tracker.stands(frame.image):
            return False
        if waited < patience and tracker.came_lately(frame.time):
            return True
        return waited < calm and not letters.may_have_come(frame.image)

    def _is_text(self, line: Line, *, video: bool) -> bool:
        """Whether a line is worth reporting; noise reads as short texts of low score."""
        if not line.readings:
            return False
        best = line.best
        letters = [c for c in best.text if c.isalnum()]
        if not letters or best.score < self.options.min_score:
            return False
        if len(letters) == 1:
            return best.score >= 0.9 and (not video or len(line.sightings) >= 2)
        if len(letters) == 2 and not any(is_han(c) for c in letters):
            return best.score >= 0.8
        return True


def _look(reader: TextReader, tracker: LineTracker, frame: Frame) -> None:
    regions = recalled(reader.find)(frame.image)

    def read(wanted: Sequence[Region]) -> list[LineReading]:
        return recalled(reader.read)(frame.image, wanted)

    tracker.look(frame.time, frame.image, regions, read)


def _end(line: Line, times: NDArray[np.float64], duration: float) -> float:
    """Half-way to the first sampled frame after the last sighting; without one, the end of the video."""
    later = times[times > line.end + 1e-6]
    return float((line.end + later[0]) / 2) if later.size else max(line.end, duration)


def _signal(line: Line, role: str, scale: float, end: float, source: str) -> Signal:
    best = line.best
    return Signal(
        kind="text.line",
        value=best.text,
        score=min(1.0, best.score),
        span=Span(line.start, end),
        source=source,
        box=line.box.scaled(scale),
        attributes={
            "role": role,
            "language": language_of(best.text),
            "orientation": best.orientation,
            "vertical": best.vertical,
            "tilt": round(line.region.tilt, 1),
            "sightings": len(line.sightings),
        },
    )


def _reading_order(signal: Signal) -> tuple[float, float, float]:
    x, y, _, h = signal.box or (0.0, 0.0, 0.0, 0.0)
    start = signal.span.start if signal.span else 0.0
    if signal.attributes["vertical"]:
        return start, y // (4 * max(1.0, h)), -x  # columns go from right to left
    return start, y + h / 2, x
