"""Subtitles from a transcript or from text on screen: SubRip (`.srt`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, Protocol

from mmu.report.schema import TextLine

#: share of the shorter one's time that two lines share when they stand in one cue
_TOGETHER = 0.7


class Timed(Protocol):
    """A text with its time in seconds."""

    @property
    def start(self) -> float: ...

    @property
    def end(self) -> float: ...

    @property
    def text(self) -> str: ...


class Cue(NamedTuple):
    """One or several lines that are shown together."""

    start: float
    end: float
    text: str


def screen_cues(lines: Iterable[TextLine]) -> list[Cue]:
    """The subtitles that are burnt into a picture; lines shown together become one cue, upper first."""
    cues: list[Cue] = []
    subtitles = [line for line in lines if line.role == "subtitle"]
    subtitles.sort(key=lambda line: (line.start, line.box[1] if line.box else 0.0))
    for line in subtitles:
        last = cues[-1] if cues else None
        if last is not None:
            shared = min(last.end, line.end) - max(last.start, line.start)
            if shared > _TOGETHER * max(1e-3, min(last.end - last.start, line.end - line.start)):
                cues[-1] = Cue(last.start, max(last.end, line.end), f"{last.text} {line.text}")
                continue
        cues.append(Cue(line.start, line.end, line.text))
    return cues


def to_srt(segments: Iterable[Timed]) -> str:
    """Segments as SubRip text, in order of time; segments without words are left out.

    A line break or an arrow inside a text would end its cue, so both are replaced.
    """
    cues: list[str] = []
    for segment in sorted(segments, key=lambda item: (item.start, item.end)):
        text = " ".join(segment.text.split()).replace("-->", "→")
        if text:
            end = max(segment.end, segment.start + 0.001)
            cues.append(f"{len(cues) + 1}\n{_stamp(segment.start)} --> {_stamp(end)}\n{text}\n")
    return "\n".join(cues)


def _stamp(seconds: float) -> str:
    milliseconds = max(0, round(seconds * 1000))
    minutes, milliseconds = divmod(milliseconds, 60_000)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{milliseconds // 1000:02},{milliseconds % 1000:03}"
