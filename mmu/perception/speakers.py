"""Speakers: who speaks when, and whether the voice sounds female or male."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError
from mmu.perception.diarization import Found, diarize
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models import segmentation, speaker
from models.ina_segmenter import InaSegmenter, log_mel
from models.segmentation import SpeakerSegmentation
from models.speaker import SpeakerEmbedder

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

RATE = 16000
_SOURCE = f"{segmentation.SOURCE}+{speaker.SOURCE}"
_SUNG_SHARE = 0.5
#: speech with shorter pauses is heard as one region, with so much room around it, seconds
_REGION_GAP, _ROOM = 3.0, 0.3
#: so much of a voice is enough to judge its gender, and a piece of it to embed, seconds
_GENDER_SECONDS, _EMBED_SECONDS = 30.0, 6.0
#: gender is judged on pieces of this length; shorter ones than the second say little, seconds
_PIECE_SECONDS, _LEAST_SECONDS = 3.0, 0.5


class Speakers(Stage):
    """One signal a speaker, with turns (overlaps included), voice gender and a CAM++ embedding."""

    name: ClassVar[str] = "speakers"
    needs: ClassVar[Needs] = Needs(
        audio=frozenset({RATE}), kinds=frozenset({"speech.activity"}), wants=frozenset({"audio.segment"})
    )
    emits: ClassVar[frozenset[str]] = frozenset({"speech.speaker"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=300, seconds=3.0)
    models: ClassVar[tuple[str, ...]] = ("campplus", "pyannote-segmentation", "ina-gender")

    def __init__(self) -> None:
        self._segmenter: SpeakerSegmentation | None = None
        self._embedder: SpeakerEmbedder | None = None
        self._gender: InaSegmenter | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._segmenter = SpeakerSegmentation(store.file("pyannote-segmentation"), threads=threads)
        self._embedder = SpeakerEmbedder(store.file("campplus"), threads=threads)
        self._gender = InaSegmenter(store.file("ina-gender"), "gender", threads=threads)

    def close(self) -> None:
        self._segmenter = self._embedder = self._gender = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._segmenter is None or self._embedder is None or self._gender is None:
            raise ConfigError("stage 'speakers' was not set up")
        embedder, regions = self._embedder, _regions(_spoken(signals), clip.duration)
        found = diarize(
            regions,
            lambda start, end: clip.audio(RATE, start, end),
            self._segmenter.voices,
            lambda samples: embedder.embed(samples[: round(_EMBED_SECONDS * RATE)]),
        )
        return [
            _signal(number, one, found, self._gender_of(clip, one.turns))
            for number, one in enumerate(found, 1)
        ]

    def _gender_of(self, clip: Clip, turns: Sequence[Span]) -> NDArray[np.float64]:
        """(female, male) probability over the longest turns."""
        assert self._gender is not None
        total, seconds = np.zeros(2), 0.0
        for turn in sorted(turns, key=lambda one: -one.seconds):
            end = min(turn.end, turn.start + _GENDER_SECONDS - seconds)
            start = turn.start
            while start < end and (end - start >= _LEAST_SECONDS or not seconds):
                samples = clip.audio(RATE, start, min(start + _PIECE_SECONDS, end))
                length = samples.size / RATE
                if not length:
                    break
                total += length * self._gender.probabilities(log_mel(samples)).mean(axis=0)
                seconds += length
                start += _PIECE_SECONDS
            if seconds >= _GENDER_SECONDS:
                break
        return np.asarray(total / max(seconds, 1e-9), np.float64)


def _spoken(signals: SignalSet) -> list[Span]:
    """Spans of speech that are not song."""
    sung = [s.span for s in signals.of("audio.segment") if s.value == "singing" and s.span]
    spans = [s.span for s in signals.of("speech.activity") if s.span]
    return [
        span
        for span in spans
        if sum(span.overlap(other) for other in sung) < _SUNG_SHARE * max(span.seconds, 1e-6)
    ]


def _regions(spans: Sequence[Span], duration: float) -> list[Span]:
    out: list[Span] = []
    for span in spans:
        start, end = max(0.0, span.start - _ROOM), min(max(duration, span.end), span.end + _ROOM)
        if out and start - out[-1].end < _REGION_GAP:
            out[-1] = Span(out[-1].start, end)
        else:
            out.append(Span(start, end))
    return out


def _signal(number: int, one: Found, found: Sequence[Found], gender: NDArray[np.float64]) -> Signal:
    vectors = np.stack([voice.embedding for voice in one.voices if voice.embedding is not None])
    weights = np.array([voice.seconds for voice in one.voices if voice.embedding is not None])
    centre = np.average(vectors, axis=0, weights=weights)
    centre /= max(float(np.linalg.norm(centre)), 1e-9)
    female, male = (float(value) for value in gender)
    others = [turn for other in found if other is not one for turn in other.turns]
    attributes: dict[str, Any] = {
        "turns": [[round(turn.start, 2), round(turn.end, 2)] for turn in one.turns],
        "seconds": round(sum(turn.seconds for turn in one.turns), 2),
        "overlap": round(sum(turn.overlap(other) for turn in one.turns for other in others), 2),
        "gender": "female" if female >= male else "male",
        "gender_score": round(max(female, male), 3),
    }
    score = float(np.clip(np.average(vectors @ centre, weights=weights), 0, 1))
    span = Span(one.turns[0].start, max(turn.end for turn in one.turns))
    return Signal(
        "speech.speaker",
        f"speaker_{number}",
        score,
        span,
        _SOURCE,
        attributes=attributes,
        embedding=centre.astype(np.float16),
    )
