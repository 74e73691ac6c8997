"""Speakers: who speaks when, and what the voice sounds like."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError
from mmu.media.clip import WINDOW_SECONDS
from mmu.perception import voice_traits
from mmu.perception.diarization import Found, diarize
from mmu.perception.voice_traits import Traits, VoiceTraits
from mmu.recall import recalled
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models import segmentation, speaker
from models.segmentation import SpeakerSegmentation
from models.speaker import SpeakerEmbedder

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

RATE = 16000
SOURCE = f"{segmentation.SOURCE}+{speaker.SOURCE}"
_SUNG_SHARE = 0.5
#: speech with shorter pauses is heard as one region, with so much room around it, seconds
_REGION_GAP, _ROOM = 3.0, 0.3
#: so much of a voice is enough to judge what it sounds like, and a piece of it to embed, seconds
_TRAIT_SECONDS, _EMBED_SECONDS = 30.0, 6.0
#: it is judged on pieces of this length; shorter ones than the second say little, seconds
_PIECE_SECONDS, _LEAST_SECONDS = 3.0, 0.5


class Speakers(Stage):
    """One signal a speaker: turns (overlaps included), gender and age group, a CAM++ embedding."""

    name: ClassVar[str] = "speakers"
    needs: ClassVar[Needs] = Needs(
        audio=frozenset({RATE}), kinds=frozenset({"speech.activity"}), wants=frozenset({"audio.segment"})
    )
    emits: ClassVar[frozenset[str]] = frozenset({"speech.speaker"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=300, seconds=3.0)
    models: ClassVar[tuple[str, ...]] = ("campplus", "pyannote-segmentation", *voice_traits.MODELS)
    recalls: ClassVar[bool] = True

    def __init__(self) -> None:
        self._segmenter: SpeakerSegmentation | None = None
        self._embedder: SpeakerEmbedder | None = None
        self._traits: Traits | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._load_voices(store, threads=threads)
        self._traits = VoiceTraits(store, threads=threads)

    def _load_voices(self, store: Store, *, threads: int) -> None:
        self._segmenter = SpeakerSegmentation(store.file("pyannote-segmentation"), threads=threads)
        self._embedder = SpeakerEmbedder(store.file("campplus"), threads=threads)

    @property
    def _source(self) -> str:
        return SOURCE

    def close(self) -> None:
        self._segmenter = self._embedder = self._traits = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._segmenter is None or self._embedder is None or self._traits is None:
            raise ConfigError("stage 'speakers' was not set up")
        embedder, traits, regions = self._embedder, self._traits, _regions(_spoken(signals), clip.duration)
        found = diarize(
            regions,
            lambda start, end: clip.audio(RATE, start, end),
            recalled(self._segmenter.voices),
            lambda samples: recalled(embedder.embed)(samples[: round(_EMBED_SECONDS * RATE)]),
        )
        return [
            _signal(number, one, found, traits.read(_pieces(clip, _alone(one, found))), self._source)
            for number, one in enumerate(found, 1)
        ]


def _alone(one: Found, found: Sequence[Found]) -> list[Span]:
    """Where only this speaker is heard, longest first; all turns when that is nowhere."""
    spans = list(one.turns)
    for turn in (turn for other in found if other is not one for turn in other.turns):
        spans = [
            Span(start, end)
            for span in spans
            for start, end in ((span.start, min(span.end, turn.start)), (max(span.start, turn.end), span.end))
            if end > start
        ]
    clear = [span for span in spans if span.seconds >= _LEAST_SECONDS]
    return sorted(clear or one.turns, key=lambda span: -span.seconds)


def _pieces(clip: Clip, spans: Sequence[Span]) -> list[NDArray[np.float32]]:
    """Pieces of the spans, the first spans first, until enough is heard."""
    pieces: list[NDArray[np.float32]] = []
    seconds = 0.0
    for span in spans:
        end = min(span.end, span.start + _TRAIT_SECONDS - seconds)
        start = span.start
        while start < end and (end - start >= _LEAST_SECONDS or not pieces):
            samples = clip.audio(RATE, start, min(start + _PIECE_SECONDS, end))
            if not samples.size:
                break
            pieces.append(samples)
            seconds += samples.size / RATE
            start += _PIECE_SECONDS
        if seconds >= _TRAIT_SECONDS:
            break
    return pieces


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
    """Where somebody speaks, with room around; a region ends where its window of the clip does."""
    out: list[Span] = []
    window = -1
    for span in spans:
        number = int(span.start / WINDOW_SECONDS)
        first, last = number * WINDOW_SECONDS, min(max(duration, span.end), (number + 1) * WINDOW_SECONDS)
        start, end = max(first, span.start - _ROOM), min(last, span.end + _ROOM)
        if number == window and start - out[-1].end < _REGION_GAP:
            out[-1] = Span(out[-1].start, end)
        else:
            out.append(Span(start, end))
        window = number
    return out


def _signal(number: int, one: Found, found: Sequence[Found], traits: dict[str, Any], source: str) -> Signal:
    vectors = np.stack([voice.embedding for voice in one.voices if voice.embedding is not None])
    weights = np.array([voice.seconds for voice in one.voices if voice.embedding is not None])
    centre = np.average(vectors, axis=0, weights=weights)
    centre /= max(float(np.linalg.norm(centre)), 1e-9)
    others = [turn for other in found if other is not one for turn in other.turns]
    attributes = {
        "turns": [[round(turn.start, 2), round(turn.end, 2)] for turn in one.turns],
        "seconds": round(sum(turn.seconds for turn in one.turns), 2),
        "overlap": round(sum(turn.overlap(other) for turn in one.turns for other in others), 2),
        **traits,
    }
    score = float(np.clip(np.average(vectors @ centre, weights=weights), 0, 1))
    span = Span(one.turns[0].start, max(turn.end for turn in one.turns))
    return Signal(
        "speech.speaker",
        f"speaker_{number}",
        score,
        span,
        source,
        attributes=attributes,
        embedding=centre.astype(np.float16),
    )
