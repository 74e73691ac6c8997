"""How a video's words are made, beside what they say: lengths, marks, repetition, script."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from mmu.moderation.texts import PART, Words

_DIGIT = re.compile(r"\d")
_EMOJI = re.compile("[\U0001f300-\U0001faff]")
_LATIN = re.compile(r"[a-zA-Z]")
_SMALL = re.compile(r"[a-z]")
#: stands for a name that was taken out
_MASK = "某"
COLUMNS = 21


def structure(texts: Sequence[Words]) -> NDArray[np.float64]:
    """(n, 21) float64, not scaled."""
    if not texts:
        return np.zeros((0, COLUMNS))
    return np.array([_row(words) for words in texts], np.float64)


def _row(words: Words) -> list[float]:
    title, screen, speech = words.title, words.screen, words.speech
    everything = title + screen + speech
    masks = everything.count(_MASK)
    frames = screen.split(PART)
    counts = (
        len(title),
        len(screen),
        len("。".join(words.lines)),
        len(speech),
        title.count("#"),
        title.count("@"),
        masks,
        len(_DIGIT.findall(title)),
        len(_EMOJI.findall(title)),
        len(_SMALL.findall(speech)),
        len(frames) - 1,
        speech.count(PART),
    )
    return [
        *(float(np.log1p(count)) for count in counts),
        float(not title),
        float(not screen),
        float(not speech),
        float(_MASK in title),
        20.0 * masks / (1 + len(everything)),
        len(_LATIN.findall(screen)) / (1 + len(screen)),
        float("?" in title or "？" in title),
        float("!" in title or "！" in title),
        len(set(frames)) / len(frames),
    ]
