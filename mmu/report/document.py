"""All text of a video as one document: every line once, by role, in order of appearance."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from rapidfuzz.fuzz import ratio

from mmu.report.schema import TextLine

#: headings of the roles, in the order of the document
HEADINGS = {
    "title": "Title · 标题",
    "subtitle": "Subtitles · 字幕",
    "overlay": "Overlays · 贴字",
    "scene": "In the scene · 画面文字",
    "watermark": "Watermarks · 水印",
}
#: likeness in percent from which two lines are one, read twice
_SAME = 85.0


def text_document(lines: Iterable[TextLine]) -> str:
    """The lines of a report as plain text with a heading a role; empty when nothing was read.

    Of lines that are alike but for a few characters, or of which one holds the other, the surest
    or the longer stays, at the place of the first.
    """
    parts = []
    known = sorted(lines, key=lambda line: line.start)
    for role, heading in HEADINGS.items():
        kept = distinct(line for line in known if line.role == role)
        if kept:
            parts.append("\n".join([heading, *(f"[{_clock(line.start)}] {line.text}" for line in kept)]))
    return "\n\n".join(parts) + ("\n" if parts else "")


def distinct(lines: Iterable[TextLine]) -> list[TextLine]:
    """Lines without repetitions, in order of first appearance."""
    kept: list[TextLine] = []
    for line in lines:
        text = _plain(line.text)
        for place, other in enumerate(kept):
            known = _plain(other.text)
            if ratio(text, known) >= _SAME or (len(text) > 1 and text in known):
                if ratio(text, known) >= _SAME and (line.score or 0) > (other.score or 0):
                    kept[place] = line.model_copy(update={"start": other.start})
                break
            if len(known) > 1 and known in text:
                kept[place] = line.model_copy(update={"start": other.start})
                break
        else:
            kept.append(line)
    return kept


def _plain(text: str) -> str:
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(c for c in folded if c.isalnum()) or folded


def _clock(seconds: float) -> str:
    minutes, rest = divmod(max(0, round(seconds)), 60)
    return f"{minutes}:{rest:02}"
