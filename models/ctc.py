"""From the outputs of a CTC network (Graves et al. 2006) to words with times: the best path."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from models.transcript import Transcript, Word

_BLANK = 0
#: marks of SentencePiece: the beginning of a word, and tokens that are not text
_SPACE = "▁"
_SPECIAL = re.compile(r"<\|.*\|>|<unk>|</?s>|<pad>")
#: CTC sees a token for a moment; it goes on up to this long, or to the next one, seconds
_GOES_ON = 0.24


@dataclass(slots=True)
class _Part:
    """A word as it is put together."""

    text: str
    start: float
    end: float
    logprobs: list[float]


def log_softmax(logits: NDArray[np.float32]) -> NDArray[np.float32]:
    """Log probabilities along the last axis, of the same shape."""
    top = logits - logits.max(axis=-1, keepdims=True)
    return np.asarray(top - np.log(np.exp(top).sum(axis=-1, keepdims=True)), np.float32)


def best_path(
    logits: NDArray[np.float32],
    tokens: Sequence[str],
    *,
    step: float,
    seconds: float,
    no_speech: float = 0.0,
) -> Transcript | None:
    """The words of the most probable token of every moment; None when nothing is said.

    Args:
        logits: (n, len(tokens)) float32; token 0 is the blank.
        tokens: SentencePiece's pieces.
        step: seconds from one row to the next.
        seconds: length of the sound.
        no_speech: probability that nobody speaks, for the transcript.
    """
    best = logits.argmax(axis=1)
    edges = [0, *(np.flatnonzero(best[1:] != best[:-1]) + 1).tolist(), len(best)]
    parts: list[_Part] = []
    logprobs: list[float] = []
    space = False
    for first, last in pairwise(edges):
        token = tokens[best[first]] if last > first else ""
        if not token or best[first] == _BLANK or _SPECIAL.fullmatch(token):
            continue
        surest = float(log_softmax(logits[first:last])[:, best[first]].max())
        logprobs.append(surest)
        space |= token.startswith(_SPACE)
        text = token.replace(_SPACE, " ").strip()
        if not text:
            continue
        start, end = first * step, min(seconds, last * step)
        if parts and not space and _goes_on(parts[-1].text, text):
            parts[-1].text += text
            parts[-1].end = end
            parts[-1].logprobs.append(surest)
        else:
            parts.append(_Part(" " * space + text, start, end, [surest]))
        space = False
    if not parts:
        return None
    whole = "".join(part.text for part in parts).strip()
    data = whole.encode()
    words = _words(parts, seconds)
    return Transcript(
        words[0].start,
        words[-1].end,
        whole,
        words,
        avg_logprob=float(np.mean(logprobs)),
        no_speech_prob=no_speech,
        compression_ratio=len(data) / len(zlib.compress(data)),
    )


def _goes_on(word: str, piece: str) -> bool:
    """Whether a piece without a space before it belongs to the word: letters of one script, and marks."""
    if not piece[0].isalnum():
        return True
    return piece[0].isascii() and word[-1].isascii()


def _words(parts: Sequence[_Part], seconds: float) -> tuple[Word, ...]:
    following = [part.start for part in parts[1:]] + [seconds]
    return tuple(
        Word(
            min(part.start, seconds),
            min(seconds, max(part.end, min(after, part.end + _GOES_ON))),
            part.text,
            float(np.exp(np.mean(part.logprobs))),
        )
        for part, after in zip(parts, following, strict=True)
    )
