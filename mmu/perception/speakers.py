"""Speakers: who speaks when, and whether the voice sounds female or male."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError
from mmu.perception.speaker_clusters import centroid, cluster
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models import speaker
from models.ina_segmenter import InaSegmenter, log_mel
from models.speaker import SpeakerEmbedder

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

RATE = 16000
#: speech is cut into pieces of this length, seconds; shorter ones say little about a voice
_PIECE_SECONDS = 3.0
_LEAST_SECONDS = 0.5
#: of a longer video every so-manieth piece is heard, which bounds the clustering
_MOST_PIECES = 1200
_SUNG_SHARE = 0.5
#: turns of one speaker with shorter pauses are one turn, seconds
_TURN_GAP = 1.0


class Speakers(Stage):
    """One signal a speaker, with turns, voice gender and a CAM++ embedding."""

    name: ClassVar[str] = "speakers"
    needs: ClassVar[Needs] = Needs(
        audio=frozenset({RATE}), kinds=frozenset({"speech.activity"}), wants=frozenset({"audio.segment"})
    )
    emits: ClassVar[frozenset[str]] = frozenset({"speech.speaker"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=250)
    models: ClassVar[tuple[str, ...]] = ("campplus", "ina-gender")

    def __init__(self) -> None:
        self._embedder: SpeakerEmbedder | None = None
        self._gender: InaSegmenter | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._embedder = SpeakerEmbedder(store.file("campplus"), threads=threads)
        self._gender = InaSegmenter(store.file("ina-gender"), "gender", threads=threads)

    def close(self) -> None:
        self._embedder = self._gender = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._embedder is None or self._gender is None:
            raise ConfigError("stage 'speakers' was not set up")
        spans: list[Span] = []
        vectors: list[NDArray[np.float32]] = []
        voices: list[tuple[float, float]] = []
        for span in _pieces(_spoken(signals)):
            samples = clip.audio(RATE, span.start, span.end)
            vector = self._embedder.embed(samples)
            if vector is not None:
                spans.append(span)
                vectors.append(vector)
                female, male = self._gender.probabilities(log_mel(samples)).mean(axis=0)
                voices.append((float(female), float(male)))
        if not spans:
            return []
        embeddings = np.stack(vectors)
        seconds = np.array([span.seconds for span in spans])
        labels = cluster(embeddings, seconds)
        return [
            _speaker(number, np.flatnonzero(labels == number), spans, embeddings, np.array(voices))
            for number in range(int(labels.max()) + 1)
        ]


def _spoken(signals: SignalSet) -> list[Span]:
    """Spans of speech that are not song."""
    sung = [s.span for s in signals.of("audio.segment") if s.value == "singing" and s.span]
    spans = [s.span for s in signals.of("speech.activity") if s.span]
    return [
        span
        for span in spans
        if sum(span.overlap(other) for other in sung) < _SUNG_SHARE * max(span.seconds, 1e-6)
    ]


def _pieces(spans: Sequence[Span]) -> list[Span]:
    out: list[Span] = []
    for span in spans:
        count = max(1, round(span.seconds / _PIECE_SECONDS))
        size = span.seconds / count
        if size >= _LEAST_SECONDS:
            out.extend(Span(span.start + i * size, span.start + (i + 1) * size) for i in range(count))
    if len(out) <= _MOST_PIECES:
        return out
    return [out[int(i)] for i in np.linspace(0, len(out) - 1, _MOST_PIECES)]


def _speaker(
    number: int,
    members: NDArray[np.intp],
    spans: Sequence[Span],
    embeddings: NDArray[np.float32],
    voices: NDArray[np.float64],
) -> Signal:
    own = [spans[int(index)] for index in members]
    seconds = np.array([span.seconds for span in own])
    centre = centroid(embeddings[members])
    female, male = np.average(voices[members], axis=0, weights=seconds)
    attributes: dict[str, Any] = {
        "turns": [[round(turn.start, 2), round(turn.end, 2)] for turn in _turns(own)],
        "seconds": round(float(seconds.sum()), 2),
        "gender": "female" if female >= male else "male",
        "gender_score": round(float(max(female, male)), 3),
    }
    score = float(np.clip((embeddings[members] @ centre).mean(), 0, 1))
    span = Span(own[0].start, own[-1].end)
    return Signal(
        "speech.speaker",
        f"speaker_{number + 1}",
        score,
        span,
        speaker.SOURCE,
        attributes=attributes,
        embedding=centre.astype(np.float16),
    )


def _turns(spans: Sequence[Span]) -> list[Span]:
    out: list[Span] = []
    for span in spans:
        if out and span.start - out[-1].end < _TURN_GAP:
            out[-1] = Span(out[-1].start, span.end)
        else:
            out.append(span)
    return out
