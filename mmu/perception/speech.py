"""Speech: who speaks is another stage's matter; this one finds when, in which language, and what."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError
from mmu.perception import chinese
from mmu.perception.speech_spans import Piece, group, pieces, speech_spans
from mmu.perception.spoken_language import shares, smooth_languages
from mmu.perception.transcript_filter import Support, judge
from mmu.recall import recalled
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models import voice_activity
from models.transcript import Recogniser, Transcript, Word
from models.voice_activity import VoiceActivity
from models.whisper import Whisper

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

RATE = 16000
_STEP = voice_activity.HOP / RATE
#: seconds of padding that the recogniser sees after a piece
_TAIL = 2.0
#: hypotheses kept while decoding: 5 find no better words at a fifth more work
_BEAM = 2
#: stretches whose language is asked for: neighbours with shorter pauses than this, up to this length
_LANGUAGE_GAP = 1.0
_LANGUAGE_SECONDS = 8.0
#: probability from which the voice has begun
_HEARD = 0.2
#: share of a span over which singing must be heard for its words to count as sung
_SUNG_SHARE = 0.5


class Speech(Stage):
    """Voice activity (Silero), language and transcript (Whisper), without what Whisper invents."""

    name: ClassVar[str] = "speech"
    needs: ClassVar[Needs] = Needs(audio=frozenset({RATE}), wants=frozenset({"audio.segment"}))
    emits: ClassVar[frozenset[str]] = frozenset({"speech.activity", "speech.segment", "speech.language"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=700, seconds=12.0)
    models: ClassVar[tuple[str, ...]] = ("whisper-base",)
    recalls: ClassVar[bool] = True

    def __init__(self) -> None:
        self._activity: VoiceActivity | None = None
        self._recogniser: Recogniser | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._activity = VoiceActivity(threads=threads)
        self._recogniser = self.recogniser(store, threads=threads)

    def recogniser(self, store: Store, *, threads: int) -> Recogniser:
        """The speech recogniser; the rest of the stage is the same for all of them."""
        return Whisper(store.folder("whisper-base"), threads=threads, beam_size=_BEAM, tail=_TAIL)

    def close(self) -> None:
        self._activity = self._recogniser = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._activity is None or self._recogniser is None:
            raise ConfigError("stage 'speech' was not set up")
        windows = self._windows(clip)
        heard = [span for window in windows for span in window.spans()]
        if not heard:
            return []
        probabilities = np.concatenate([window.probabilities for window in windows])
        out = [_activity_signal(span, probabilities) for span in heard]
        # A recogniser wants room: with a word cut at its edge Whisper hears another one.
        spans = [window.spans(on=0.4, off=0.2, min_silence=1.0, pad=0.6) for window in windows]
        languages = self._languages(clip, spans)
        sound = _Sound(signals.of("audio.segment"))
        kept: list[Signal] = []
        packed = [
            piece for some, named in zip(spans, languages, strict=True) for piece in pieces(some, named)
        ]
        for first in range(0, len(packed), self._recogniser.batch):
            some = packed[first : first + self._recogniser.batch]
            kept.extend(self._segments(clip, some, probabilities, sound))
        out.extend(kept)
        if kept:
            out.append(_language_signal(kept, self._recogniser.source))
        return out

    def _windows(self, clip: Clip) -> list[_Window]:
        assert self._activity is not None
        probabilities = recalled(self._activity.probabilities)
        return [_Window(part.start, probabilities(part.samples)) for part in clip.audio_windows(RATE)]

    def _languages(self, clip: Clip, windows: Sequence[Sequence[Span]]) -> list[list[str]]:
        """Language of every span of every window."""
        assert self._recogniser is not None
        ask = recalled(self._recogniser.languages)
        grouped = [
            [
                [spans[index] for index in indices]
                for indices in group(spans, gap=_LANGUAGE_GAP, longest=_LANGUAGE_SECONDS)
            ]
            for spans in windows
        ]
        groups = [spans for window in grouped for spans in window]
        found = [ask(clip.audio(RATE, spans[0].start, spans[-1].end)) for spans in groups]
        named = iter(smooth_languages(found, [sum(span.seconds for span in spans) for spans in groups]))
        return [[name for spans in window for name in [next(named)] * len(spans)] for window in grouped]

    def _segments(
        self, clip: Clip, some: Sequence[Piece], probabilities: NDArray[np.float32], sound: _Sound
    ) -> list[Signal]:
        assert self._recogniser is not None
        heard = [
            np.concatenate([clip.audio(RATE, span.start, span.end) for span in piece.spans]) for piece in some
        ]
        asked = [(samples, piece.language) for samples, piece in zip(heard, some, strict=True)]
        out: list[Signal] = []
        source = self._recogniser.source
        said = recalled(self._recogniser.transcribe_many)(asked)
        for piece, transcripts in zip(some, said, strict=True):
            for found in transcripts:
                for words in _at_joints(found, piece):
                    signal = _segment_signal(found, words, piece, probabilities, sound, source)
                    if signal is not None:
                        out.append(signal)
        return out


@dataclass(frozen=True, slots=True)
class _Window:
    """Speech probabilities from `start` seconds on; no span goes on into the next window."""

    start: float
    probabilities: NDArray[np.float32]

    def spans(self, **options: float) -> list[Span]:
        """Spans of speech, see `speech_spans`."""
        found = speech_spans(self.probabilities, _STEP, **options)
        return [Span(self.start + span.start, self.start + span.end) for span in found]


class _Sound:
    """Singing and music over time, as the `sound` stage heard them."""

    def __init__(self, segments: Sequence[Signal]) -> None:
        self._singing = [s.span for s in segments if s.value == "singing" and s.span]
        self._music = [s.span for s in segments if s.value == "music" and s.span]

    def singing(self, span: Span) -> float:
        """Share of the span with singing."""
        return sum(span.overlap(other) for other in self._singing) / max(span.seconds, 1e-6)

    def music(self, span: Span) -> float:
        """Share of the span with music, sung or not."""
        return self.singing(span) + sum(span.overlap(other) for other in self._music) / max(
            span.seconds, 1e-6
        )


def _at_joints(found: Transcript, piece: Piece) -> list[list[Word]]:
    """The words of a segment, apart where spans that are far from each other were joined."""
    parts: list[list[Word]] = []
    last = -1
    for word in found.words:
        index = piece.index((word.start + word.end) / 2)
        joined = index > 0 and last >= 0 and piece.spans[index].start - piece.spans[last].end < 1.5
        if last < 0 or (index != last and not joined):
            parts.append([])
        parts[-1].append(word)
        last = index
    return parts


def _segment_signal(
    found: Transcript,
    words: Sequence[Word],
    piece: Piece,
    probabilities: NDArray[np.float32],
    sound: _Sound,
    source: str,
) -> Signal | None:
    text = chinese.tidy("".join(word.text for word in words).strip())
    timed = _timed(words, piece, probabilities)
    span = Span(timed[0][0], max(timed[0][0] + 0.02, timed[-1][1]))
    singing = sound.singing(span)
    support = Support(
        found.avg_logprob,
        found.no_speech_prob,
        found.compression_ratio,
        span.seconds,
        _mean(probabilities, span),
        sound.music(span),
        sung=singing > _SUNG_SHARE,
    )
    if judge(text, support) != "keep":
        return None
    attributes: dict[str, object] = {"language": piece.language, "words": timed}
    if support.sung:
        attributes["sung"] = True
    return Signal("speech.segment", text, support.confidence, span, source, attributes=attributes)


def _timed(
    words: Sequence[Word], piece: Piece, probabilities: NDArray[np.float32]
) -> list[tuple[float, float, str]]:
    """(start, end, word) in the clip's time."""
    times = [(piece.to_clip(word.start), piece.to_clip(word.end)) for word in words]
    # Whisper lets the first word begin with the segment, however long the pause before it.
    start, end = times[0]
    first = int(start / _STEP)
    heard = np.flatnonzero(probabilities[first : int(end / _STEP) + 1] >= _HEARD)
    if heard.size:
        times[0] = (max(start, (first + int(heard[0])) * _STEP), end)
    return [
        (round(start, 2), round(end, 2), chinese.to_simplified(word.text.strip()))
        for (start, end), word in zip(times, words, strict=True)
    ]


def _mean(probabilities: NDArray[np.float32], span: Span) -> float:
    part = probabilities[int(span.start / _STEP) : int(span.end / _STEP) + 1]
    return float(part.mean()) if part.size else 0.0


def _activity_signal(span: Span, probabilities: NDArray[np.float32]) -> Signal:
    return Signal("speech.activity", None, _mean(probabilities, span), span, voice_activity.SOURCE)


def _language_signal(segments: Sequence[Signal], source: str) -> Signal:
    """Main language by time; what is sung counts only when nothing is spoken."""
    spoken = [s for s in segments if not s.attributes.get("sung")] or list(segments)
    seconds = [s.span.seconds for s in spoken if s.span]
    found = shares([str(s.attributes["language"]) for s in spoken], seconds)
    main = next(iter(found))
    span = Span(min(s.span.start for s in spoken if s.span), max(s.span.end for s in spoken if s.span))
    score = sum((s.score or 0.0) * t for s, t in zip(spoken, seconds, strict=True)) / sum(seconds)
    return Signal(
        "speech.language",
        main,
        max(0.0, min(1.0, found[main] * (0.5 + 0.5 * score))),
        span,
        source,
        attributes={"shares": {lang: round(share, 4) for lang, share in found.items()}},
    )
