"""Who speaks when: voices told apart within windows, joined to speakers across them, overlaps included.

The scheme of Bredin, "pyannote.audio 2.1 speaker diarization pipeline"
(Interspeech 2023): local segmentation, an embedding for each local voice from
the frames in which it speaks alone, agglomerative clustering in which two
voices of one window resist being joined, and the clusters' activity over time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from mmu.perception.speaker_clusters import cluster
from mmu.signals import Span
from models.segmentation import FIRST_SECONDS, FRAME_SECONDS, SAMPLE_RATE, WINDOW_SECONDS

#: from one window to the next, seconds; longer videos are heard once, not twice
_HOP, _LONG_HOP, _LONG_VIDEO = 5.0, 10.0, 3600.0
#: probability from which a voice speaks
_ACTIVE = 0.5
#: seconds alone from which a voice helps to find the speakers, and from which it is given to one of them
_CLEAR, _HEARD = 1.5, 0.4
#: how much farther apart two voices of one window are taken to be (cosine)
_APART = 0.25
#: pauses within a turn that are filled, and turns that are left out, seconds
_FILL, _DROP = 0.5, 0.2

#: samples of a stretch of the clip
Read = Callable[[float, float], NDArray[np.float32]]
#: (n,) samples to (frames, 3) probabilities, and to an embedding
Segment = Callable[[NDArray[np.float32]], NDArray[np.float32]]
Embed = Callable[[NDArray[np.float32]], NDArray[np.float32] | None]


@dataclass(slots=True)
class Voice:
    """One voice within one window."""

    window: int
    start: float
    #: (frames,) probability that it speaks
    active: NDArray[np.float32]
    #: its samples while nobody else speaks
    samples: NDArray[np.float32]
    embedding: NDArray[np.float32] | None = None
    speaker: int = -1

    @property
    def seconds(self) -> float:
        return len(self.samples) / SAMPLE_RATE


@dataclass(slots=True)
class Found:
    """One speaker: turns in seconds, which may overlap with another's, and the voices that were joined."""

    turns: list[Span] = field(default_factory=list)
    voices: list[Voice] = field(default_factory=list)


def diarize(regions: Sequence[Span], read: Read, segment: Segment, embed: Embed) -> list[Found]:
    """The speakers of a clip in the order in which they first speak.

    Args:
        regions: where somebody speaks, with some room around.
        read: 16 kHz mono between two times in seconds.
        segment: probabilities of up to three voices in 10 s.
        embed: embedding of a voice, L2-normalised; None when there is too little of it.
    """
    windows = list(_windows(regions))
    voices: list[Voice] = []
    for number, window in enumerate(windows):
        samples = read(window.start, window.end)
        voices.extend(_voices(number, window.start, samples, segment(samples)))
    for voice in voices:
        if voice.seconds >= _HEARD:
            voice.embedding = embed(voice.samples)
    known = [voice for voice in voices if voice.embedding is not None]
    if not known:
        return []
    _assign(known)
    return _speakers(known, windows)


def _windows(regions: Sequence[Span]) -> Iterable[Span]:
    hop = _HOP if sum(region.seconds for region in regions) <= _LONG_VIDEO else _LONG_HOP
    for region in regions:
        start = region.start
        while True:
            # The last window ends with the region, so that it hears as much as the others.
            start = max(region.start, min(start, region.end - WINDOW_SECONDS))
            yield Span(start, min(start + WINDOW_SECONDS, region.end))
            if start + WINDOW_SECONDS >= region.end:
                break
            start += hop


def _voices(
    number: int, start: float, samples: NDArray[np.float32], active: NDArray[np.float32]
) -> Iterable[Voice]:
    speaking = active >= _ACTIVE
    alone = speaking & (speaking.sum(axis=1, keepdims=True) == 1)
    frame = round(FRAME_SECONDS * SAMPLE_RATE)
    # Frames are heard around their middle.
    first = max(0, round((FIRST_SECONDS - FRAME_SECONDS / 2) * SAMPLE_RATE))
    for voice in np.flatnonzero(speaking.any(axis=0)):
        mask = np.repeat(alone[:, voice], frame)
        heard = samples[first : first + mask.size]
        yield Voice(number, start, active[:, voice], heard[mask[: heard.size]])


def _assign(voices: Sequence[Voice]) -> None:
    """Give every voice a speaker number."""
    clear = [voice for voice in voices if voice.seconds >= _CLEAR] or list(voices)
    embeddings = np.stack([_vector(voice) for voice in clear])
    window = np.array([voice.window for voice in clear])
    apart = np.where(window[:, None] == window[None, :], _APART, 0.0)
    labels = cluster(embeddings, np.array([voice.seconds for voice in clear]), apart=apart)
    for voice, label in zip(clear, labels, strict=True):
        voice.speaker = int(label)
    centres = np.stack([_mean(embeddings[labels == label]) for label in range(int(labels.max()) + 1)])
    for voice in voices:
        if voice.speaker < 0:
            similar = centres @ _vector(voice)
            for other in voices:
                if other.window == voice.window and other.speaker >= 0 and len(centres) > 1:
                    similar[other.speaker] -= _APART
            voice.speaker = int(similar.argmax())


def _vector(voice: Voice) -> NDArray[np.float32]:
    assert voice.embedding is not None
    return voice.embedding


def _mean(embeddings: NDArray[np.float32]) -> NDArray[np.float32]:
    mean = embeddings.mean(axis=0)
    return np.asarray(mean / max(float(np.linalg.norm(mean)), 1e-9), np.float32)


def _speakers(voices: Sequence[Voice], windows: Sequence[Span]) -> list[Found]:
    count = max(voice.speaker for voice in voices) + 1
    size = int(max(window.end for window in windows) / FRAME_SECONDS) + 2
    activity = np.zeros((count, size), np.float32)
    heard = np.zeros(size, np.float32)
    for window in windows:
        first, last = _row(window.start), _row(window.start) + round(window.seconds / FRAME_SECONDS)
        heard[first:last] += 1
    found = [Found() for _ in range(count)]
    by_window: dict[tuple[int, int], NDArray[np.float32]] = {}
    for voice in voices:
        found[voice.speaker].voices.append(voice)
        # One speaker may have been taken for two voices of one window.
        key = (voice.window, voice.speaker)
        before = by_window.get(key)
        by_window[key] = voice.active if before is None else np.maximum(before, voice.active)
    for (number, speaker), active in by_window.items():
        first = _row(windows[number].start)
        last = min(first + len(active), size)
        activity[speaker, first:last] += active[: last - first]
    activity /= np.maximum(heard, 1)
    for one, row in zip(found, activity, strict=True):
        one.turns = _turns(row)
    kept = [one for one in found if one.turns]
    return sorted(kept, key=lambda one: one.turns[0].start)


def _row(time: float) -> int:
    return round((time + FIRST_SECONDS) / FRAME_SECONDS)


def _turns(activity: NDArray[np.float32]) -> list[Span]:
    active = np.concatenate([[False], activity >= _ACTIVE, [False]])
    edges = np.flatnonzero(active[1:] != active[:-1]).reshape(-1, 2)
    turns: list[Span] = []
    for first, last in edges:
        start, end = (max(0.0, (row - 0.5) * FRAME_SECONDS) for row in (first, last))
        if turns and start - turns[-1].end < _FILL:
            turns[-1] = Span(turns[-1].start, end)
        else:
            turns.append(Span(start, end))
    return [turn for turn in turns if turn.seconds >= _DROP]
