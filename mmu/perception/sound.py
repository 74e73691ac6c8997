"""Sound: what is heard over time, how loud it is, and how good it sounds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from mmu.errors import ConfigError
from mmu.perception.loudness import Loudness
from mmu.perception.sound_calls import calls
from mmu.perception.sound_classes import SILENCE_DBFS, STEP, Opinions, SoundSpan, join, segments
from mmu.perception.sound_events import alarms
from mmu.perception.sound_networks import RATE, SOURCE, SoundNetworks
from mmu.recall import recalled
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost, Needs, Stage
from models import speech_quality
from models.speech_quality import SpeechQuality, SpeechScores

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

FULL_RATE = 44100
_WINDOW_SECONDS = 100.0
#: stereo at the full rate, several times over as float64, is what takes memory here
_FULL_RATE_SECONDS = 60.0
_LOUDNESS = "pyloudnorm.bs1770"
#: so many spans of speech are rated, none shorter than this, seconds
_RATED, _LEAST_RATED = 3, 1.5


class Sound(Stage):
    """Speech, music, singing, noise and silence over time; loudness; clipping and clarity; some events."""

    name: ClassVar[str] = "sound"
    needs: ClassVar[Needs] = Needs(audio=frozenset({RATE, FULL_RATE}))
    emits: ClassVar[frozenset[str]] = frozenset(
        {"audio.segment", "audio.event", "audio.loudness", "audio.quality"}
    )
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=500, seconds=2.0)
    models: ClassVar[tuple[str, ...]] = ("ina-smn", "dnsmos")
    recalls: ClassVar[bool] = True

    def __init__(self) -> None:
        self._networks: SoundNetworks | None = None
        self._rating: SpeechQuality | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._networks = SoundNetworks(store, threads=threads)
        self._rating = SpeechQuality(store.file("dnsmos"), threads=threads)

    def close(self) -> None:
        if self._networks is not None:
            self._networks.close()
        self._networks = self._rating = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        out: list[Signal] = []
        parts: list[Opinions] = []
        end = 0.0
        for window in clip.audio_windows(RATE, seconds=_WINDOW_SECONDS):
            parts.append(recalled(self._listen)(window.samples))
            out.extend(alarms(window.samples, RATE, parts[-1], window.start))
            out.extend(calls(window.samples, RATE, parts[-1], window.start))
            end = window.start + len(window.samples) / RATE
        loudness = Loudness(FULL_RATE)
        for window in clip.audio_windows(FULL_RATE, seconds=_FULL_RATE_SECONDS):
            loudness.add(window.samples)
        if not parts or not len(opinions := join(parts)):
            return out
        found = segments(opinions, end)
        out.extend(_segment_signal(segment) for segment in found)
        out.extend(_quality(opinions, found, loudness))
        out.extend(self._opinion_score(clip, found))
        return out

    def _opinion_score(self, clip: Clip, found: Sequence[SoundSpan]) -> list[Signal]:
        """How listeners would rate the speech, over its longest spans."""
        assert self._rating is not None
        spans = sorted((one.span for one in found if one.label == "speech"), key=lambda one: -one.seconds)
        scores: list[tuple[float, SpeechScores]] = []
        for span in spans[:_RATED]:
            middle = max(span.start, (span.start + span.end - speech_quality.SECONDS) / 2)
            samples = clip.audio(RATE, middle, min(span.end, middle + speech_quality.SECONDS))
            if samples.size >= _LEAST_RATED * RATE:
                scores.append((samples.size, self._rating.score(samples)))
        if not scores:
            return []
        mean = np.average([one for _, one in scores], axis=0, weights=[size for size, _ in scores])
        signal, background, overall = (round(float(value), 3) for value in mean)
        attributes = {"raw": overall, "signal": signal, "background": background}
        # The network gives clean studio speech about 3.8.
        score = min(1.0, (overall - 1) / 2.8)
        return [
            Signal("audio.quality", "speech_mos", score, None, speech_quality.SOURCE, attributes=attributes)
        ]

    def _listen(self, samples: NDArray[np.float32]) -> Opinions:
        if self._networks is None:
            raise ConfigError("stage 'sound' was not set up")
        return self._networks.opinions(samples)


def _segment_signal(segment: SoundSpan) -> Signal:
    return Signal(
        "audio.segment",
        segment.label,
        min(1.0, segment.score),
        segment.span,
        SOURCE,
        attributes={"vocabulary": "audio_class", "music": round(min(1.0, segment.music), 3)},
    )


def _quality(opinions: Opinions, found: Sequence[SoundSpan], loudness: Loudness) -> list[Signal]:
    """Loudness, and the parts of sound quality: 1 is as good as it should be."""
    out: list[Signal] = []
    integrated = loudness.integrated
    if integrated is not None:
        peak = {"peak_dbfs": round(loudness.peak_dbfs, 2)}
        out.append(Signal("audio.loudness", round(integrated, 2), None, None, _LOUDNESS, attributes=peak))
        # Full marks from -24 LUFS (EBU R 128 and a unit of grace) to -9, none at -45 and at 0.
        score = min(1.0, max(0.0, (integrated + 45) / 21), max(0.0, -integrated / 9))
        out.append(_part("loudness", score, integrated, _LOUDNESS))
    clipped = loudness.clipped
    out.append(_part("clipping", max(0.0, 1.0 - clipped / 0.005), clipped, "samples_at_full_scale"))
    clarity = _speech_clarity(opinions, found)
    if clarity is not None:
        out.append(
            _part("speech_clarity", min(1.0, max(0.0, (clarity - 3) / 27)), clarity, "level_percentiles")
        )
    return out


def _part(name: str, score: float, raw: float, source: str) -> Signal:
    attributes = {"raw": round(raw, 5)}
    return Signal("audio.quality", name, min(1.0, max(0.0, score)), None, source, attributes=attributes)


def _speech_clarity(opinions: Opinions, found: Sequence[SoundSpan]) -> float | None:
    """Speech level above what is heard in its pauses, dB; None with under two seconds of speech."""
    chosen = np.zeros(len(opinions), bool)
    for segment in found:
        if segment.label == "speech":
            chosen[int(segment.span.start / STEP) : int(segment.span.end / STEP) + 1] = True
    level, voice = opinions.level[chosen], opinions.voice[chosen]
    spoken, pause = level[voice > 0.7], level[voice < 0.2]
    if spoken.size < 2.0 / STEP:
        return None
    floor = float(np.median(pause)) if pause.size >= 3 else float(np.percentile(level, 5))
    return float(np.median(spoken)) - max(floor, SILENCE_DBFS)
