"""Tone of voice of what is said: one signal for every stretch of speech."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from mmu.errors import ConfigError
from mmu.perception import prosody
from mmu.perception.prosody import Prosody
from mmu.perception.speech_spans import group
from mmu.perception.tone_of_voice import SOURCE, judge, usual_pitch
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models.pitch import SAMPLE_RATE, SwiftF0

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

#: neighbouring spans with shorter pauses are one stretch, up to this length, seconds
_GAP, _LONGEST = 0.8, 8.0
_SUNG_SHARE = 0.3
#: at most so many stretches of a long video are judged, evenly spread
_MOST = 400
#: a voice's gender below this score is open
_SURE_GENDER = 0.75


class VocalEmotion(Stage):
    """Angry, happy, neutral or sad, and arousal, from the prosody of each stretch of speech."""

    name: ClassVar[str] = "vocal_emotion"
    needs: ClassVar[Needs] = Needs(
        audio=frozenset({SAMPLE_RATE}),
        kinds=frozenset({"speech.activity"}),
        wants=frozenset({"audio.segment", "speech.speaker", "speech.language"}),
    )
    emits: ClassVar[frozenset[str]] = frozenset({"speech.emotion"})
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=120)
    models: ClassVar[tuple[str, ...]] = ("swift-f0",)

    def __init__(self) -> None:
        self._pitch: SwiftF0 | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._pitch = SwiftF0(store.file("swift-f0"), threads=threads)

    def close(self) -> None:
        self._pitch = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._pitch is None:
            raise ConfigError("stage 'vocal_emotion' was not set up")
        measured: list[tuple[Span, Signal | None, Prosody]] = []
        for span, voice in stretches(signals):
            samples = clip.audio(SAMPLE_RATE, span.start, span.end)
            track = self._pitch.track(samples, lowest=prosody.LOWEST, highest=prosody.HIGHEST)
            found = prosody.measure(samples, track)
            if found is not None:
                measured.append((span, voice, found))
        own: dict[str, list[Prosody]] = defaultdict(list)
        for _, voice, found in measured:
            own["" if voice is None else voice.id].append(found)
        languages = signals.of("speech.language")
        language = str(languages[0].value) if languages else ""
        return [
            _signal(span, voice, found, own["" if voice is None else voice.id], language)
            for span, voice, found in measured
        ]


def stretches(signals: SignalSet) -> list[tuple[Span, Signal | None]]:
    """Stretches of speech that is not song, each of one voice as far as voices were told apart."""
    sung = [s.span for s in signals.of("audio.segment") if s.value == "singing" and s.span]
    spans = [
        s.span
        for s in signals.of("speech.activity")
        if s.span and sum(s.span.overlap(o) for o in sung) < _SUNG_SHARE * max(s.span.seconds, 1e-6)
    ]
    voices = signals.of("speech.speaker")
    out: list[tuple[Span, Signal | None]] = []
    for indices in group(spans, gap=_GAP, longest=_LONGEST):
        whole = Span(spans[indices[0]].start, spans[indices[-1]].end)
        out.extend(_by_voice(whole, voices))
    if len(out) <= _MOST:
        return out
    return [out[round(i * (len(out) - 1) / (_MOST - 1))] for i in range(_MOST)]


def _by_voice(span: Span, voices: Sequence[Signal]) -> list[tuple[Span, Signal | None]]:
    parts = [
        (Span(max(start, span.start), min(end, span.end)), voice)
        for voice in voices
        for start, end in voice.attributes["turns"]
        if min(end, span.end) - max(start, span.start) > 0.3
    ]
    if len({voice.id for _, voice in parts}) <= 1:
        return [(span, parts[0][1] if parts else None)]
    return [(part, voice) for part, voice in sorted(parts, key=lambda one: one[0])]


def _signal(
    span: Span, voice: Signal | None, found: Prosody, own: Sequence[Prosody], language: str
) -> Signal:
    gender = None
    if voice is not None and float(voice.attributes.get("gender_score", 0.0)) >= _SURE_GENDER:
        gender = str(voice.attributes["gender"])
    others = [one for one in own if one is not found]
    tone = judge(found, usual_pitch(gender, others), language)
    attributes: dict[str, object] = {
        "vocabulary": "vocal_emotion",
        "arousal": round(tone.arousal, 3),
        "scores": {name: round(score, 3) for name, score in tone.scores.items()},
        "pitch_hz": round(100 * 2 ** (found.level / 12), 1),
    }
    if voice is not None:
        attributes["speaker"] = voice.value
    return Signal("speech.emotion", tone.label, tone.scores[tone.label], span, SOURCE, attributes=attributes)
