"""The words of a video in the form that rules by meaning and the classifier read."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from mmu.signals import Signal

TextAxis = Literal["user", "text", "speech"]
TEXT_AXES: tuple[TextAxis, ...] = ("user", "text", "speech")

#: parts frames of on-screen text and segments of speech
PART = "|"
#: characters of one text that are embedded, and of each further field when all are read together
FIELD_CHARACTERS = 220
SHARED_CHARACTERS = 90
#: characters by which the beginning of a text is known
OPENING = 12
#: a line shown for this share of the time of all texts stays through the whole video
STAYS = 0.9
_LINE_END = re.compile(r"[|。\n]")
_HAN = re.compile(r"[\u3400-\u9fff]")
_WORD = re.compile(r"[a-zA-Z]{4,}")


@dataclass(frozen=True, slots=True)
class TextUnit:
    """One text of a video: its title, a hashtag, an on-screen line or a transcript segment."""

    text: str
    axis: TextAxis
    signal: Signal | None = None


@dataclass(frozen=True, slots=True)
class Words:
    """What a video says of itself: title with hashtags, text on screen, speech.

    In `screen` and `speech` the parts (frames or lines, segments) stand between `|`.
    """

    title: str = ""
    screen: str = ""
    speech: str = ""

    @property
    def lines(self) -> list[str]:
        """Different lines on screen that hold a word; what is left of noise is dropped."""
        parts = (part.strip() for part in _LINE_END.split(self.screen))
        return list(
            dict.fromkeys(part for part in parts if len(_HAN.findall(part)) >= 2 or _WORD.search(part))
        )

    @property
    def together(self) -> str:
        """The title and the beginnings of the other two, as one text."""
        parts = (
            self.title,
            "，".join(self.lines)[:SHARED_CHARACTERS],
            self.speech.replace(PART, "")[:SHARED_CHARACTERS],
        )
        return "。".join(part for part in parts if part)[:FIELD_CHARACTERS]

    @property
    def fields(self) -> tuple[str, str, str, str]:
        """Title, screen, speech and all together, each short enough for an encoder."""
        screen, speech = "，".join(self.lines), self.speech.replace(PART, "")
        cut = FIELD_CHARACTERS
        return self.title[:cut], screen[:cut], speech[:cut], self.together

    def __bool__(self) -> bool:
        return bool(self.title or self.screen or self.speech)


def gather(units: Iterable[TextUnit]) -> Words:
    """The texts of a video by where they come from."""
    found: dict[TextAxis, list[str]] = {axis: [] for axis in TEXT_AXES}
    for unit in units:
        if unit.text.strip():
            found[unit.axis].append(unit.text.strip())
    return Words(" ".join(found["user"]), PART.join(found["text"]), PART.join(found["speech"]))


def reading_order(units: Sequence[TextUnit]) -> list[TextUnit]:
    """What is read for its meaning: no watermarks; lines that stay through the whole video come last.

    A mark of a platform, a channel or a data set says nothing of what happens, and by its time it is
    among the first lines.
    """
    read = [unit for unit in units if _role(unit) != "watermark"]
    spans = [unit.signal.span for unit in units if unit.signal and unit.signal.span]
    whole = max((span.end for span in spans), default=0.0) - min((span.start for span in spans), default=0.0)

    def stays(unit: TextUnit) -> bool:
        span = unit.signal.span if unit.signal else None
        return unit.axis == "text" and span is not None and span.end - span.start >= STAYS * whole > 0

    return sorted(read, key=stays)


def _role(unit: TextUnit) -> str | None:
    return unit.signal.attributes.get("role") if unit.signal else None


def opening(text: str) -> str:
    """The first characters of a text, as `Words.together` holds them when it reads that far."""
    return _LINE_END.split(text.strip(), maxsplit=1)[0].strip()[:OPENING]
