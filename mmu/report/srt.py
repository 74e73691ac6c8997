"""Subtitles from a transcript: SubRip (`.srt`)."""

from __future__ import annotations

from collections.abc import Iterable

from mmu.report.schema_heard import TranscriptSegment


def to_srt(segments: Iterable[TranscriptSegment]) -> str:
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
