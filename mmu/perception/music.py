"""Music: where it plays, its tempo, metre, key, chords, sections and tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from mmu.errors import ConfigError
from mmu.perception import harmony, metre, music_tags, sections
from mmu.perception.beats import refined
from mmu.perception.musical_key import find_key
from mmu.perception.tempo import RATE, find_tempo
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage
from models import beatnet, musicnn
from models.beatnet import FRAMES_PER_SECOND, BeatNet
from models.musicnn import MusicNN

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

FULL_RATE = 44100
_TAG_RATE = musicnn.SAMPLE_RATE
#: evidence of music from which it also counts behind speech
_BEHIND_SPEECH = 0.6
#: music that pauses for less than this is one span
_GAP_SECONDS = 1.5
_LEAST_SECONDS = 1.5
#: at most so many pieces, the longest first, are analysed, and so much of each
_PIECES = 3
_PIECE_SECONDS = 40.0
_TAG_PATCHES = 8
#: so much of the longest stretch is cut into sections
_SECTION_SECONDS = 300.0


class MusicFacts(Stage):
    """Music over time; tempo, metre, key, chords and tags of its longest stretches; sections."""

    name: ClassVar[str] = "music"
    needs: ClassVar[Needs] = Needs(
        audio=frozenset({_TAG_RATE, FULL_RATE}), kinds=frozenset({"audio.segment"})
    )
    emits: ClassVar[frozenset[str]] = frozenset(
        {
            "music.segment",
            "music.tempo",
            "music.metre",
            "music.key",
            "music.chord",
            "music.section",
            "music.tag",
        }
    )
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=250, seconds=3.0)
    models: ClassVar[tuple[str, ...]] = ("musicnn-mtt", "musicnn-msd", "beatnet")

    def __init__(self) -> None:
        self._networks: tuple[MusicNN, MusicNN] | None = None
        self._beats: BeatNet | None = None

    def setup(self, store: Store, *, threads: int = 1) -> None:
        self._networks = (
            MusicNN(store.file("musicnn-mtt"), "mtt", threads=threads),
            MusicNN(store.file("musicnn-msd"), "msd", threads=threads),
        )
        self._beats = BeatNet(store.file("beatnet"), threads=threads)

    def close(self) -> None:
        self._networks = self._beats = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._networks is None or self._beats is None:
            raise ConfigError("stage 'music' was not set up")
        heard = signals.of("audio.segment")
        found = _music_spans(heard)
        source = heard[0].source if heard else ""
        out = [Signal("music.segment", None, score, span, source) for span, score in found]
        longest = sorted((span for span, _ in found), key=lambda span: -span.seconds)[:_PIECES]
        for span in longest:
            out.extend(_pulse_and_key(clip, span, self._beats))
        if longest:
            out.extend(_sections(clip, longest[0]))
            out.extend(self._tags(clip, longest, _sung_share(heard, longest)))
        return out

    def _tags(self, clip: Clip, spans: Sequence[Span], sung: float) -> list[Signal]:
        assert self._networks is not None
        parts = [musicnn.patches(clip.audio(_TAG_RATE, *_middle(span))) for span in spans]
        chosen = np.concatenate([_spread(part, _TAG_PATCHES) for part in parts])
        if not len(chosen):
            return []
        mtt, msd = (
            dict(zip(net.tags, net.probabilities(chosen).mean(axis=0).tolist(), strict=True))
            for net in self._networks
        )
        span = Span(min(s.start for s in spans), max(s.end for s in spans))
        source = "+".join(net.source for net in self._networks)
        return [
            Signal("music.tag", label, score, span, source, attributes={"vocabulary": "music_tag"})
            for label, score in music_tags.merge(mtt, msd, sung=sung)
        ]


def _music_spans(segments: Sequence[Signal]) -> list[tuple[Span, float]]:
    """Spans with music, sung or behind speech, and how surely."""
    spans: list[tuple[Span, float]] = []
    for signal in segments:
        behind = float(signal.attributes.get("music", 0.0))
        playing = signal.value in ("music", "singing")
        if signal.span is None or not (playing or (signal.value == "speech" and behind >= _BEHIND_SPEECH)):
            continue
        score = max(signal.score or 0.0, behind) if playing else behind
        if spans and signal.span.start - spans[-1][0].end < _GAP_SECONDS:
            last, before = spans[-1]
            whole = max(last.seconds + signal.span.seconds, 1e-6)
            mean = (before * last.seconds + score * signal.span.seconds) / whole
            spans[-1] = (Span(last.start, signal.span.end), mean)
        else:
            spans.append((signal.span, score))
    return [(span, min(1.0, score)) for span, score in spans if span.seconds >= _LEAST_SECONDS]


def _sung_share(segments: Sequence[Signal], spans: Sequence[Span]) -> float:
    sung = [s.span for s in segments if s.value == "singing" and s.span]
    shared = sum(span.overlap(other) for span in spans for other in sung)
    return shared / max(sum(span.seconds for span in spans), 1e-6)


def _middle(span: Span) -> tuple[float, float]:
    """The part of a span that is analysed: its middle, where the introduction is over."""
    spare = max(0.0, span.seconds - _PIECE_SECONDS) / 2
    return span.start + spare, span.end - spare


def _spread(patches: NDArray[np.float32], most: int) -> NDArray[np.float32]:
    if len(patches) <= most:
        return patches
    chosen = np.linspace(0, len(patches) - 1, most).round().astype(int)
    return np.asarray(patches[chosen], np.float32)


def _mono(clip: Clip, start: float, end: float) -> NDArray[np.float32]:
    """(n,) float32 at 22.05 kHz."""
    stereo = clip.audio(FULL_RATE, start, end)
    return np.asarray(resample_poly(stereo.mean(axis=1), 1, FULL_RATE // RATE), np.float32)


def _pulse_and_key(clip: Clip, span: Span, network: BeatNet) -> list[Signal]:
    start, end = _middle(span)
    samples = _mono(clip, start, end)
    chroma = harmony.chroma_frames(samples)
    out: list[Signal] = []
    pulse = find_tempo(samples)
    if pulse is not None:
        tempo = refined(pulse, network.probabilities(samples), FRAMES_PER_SECOND)
        out.append(
            Signal(
                "music.tempo",
                round(tempo.bpm, 2),
                min(1.0, tempo.clarity * 2),
                span,
                "onset_autocorrelation" if tempo is pulse else beatnet.SOURCE,
                attributes={"beats_s": _times(tempo.beats, start)},
            )
        )
        bars = metre.find_metre(samples, chroma, tempo.beats)
        if bars is not None:
            attributes = {"downbeats_s": _times(bars.downbeats, start)}
            value = f"{bars.beats}/4"
            out.append(Signal("music.metre", value, bars.clarity, span, metre.SOURCE, attributes=attributes))
    key = find_key(samples)
    if key is not None:
        out.append(Signal("music.key", key[0], key[1], span, "chroma.albrecht_shanahan"))
    for chord in harmony.chords(chroma):
        place = Span(start + chord.start, min(start + chord.end, end))
        out.append(Signal("music.chord", chord.name, chord.score, place, harmony.SOURCE))
    return out


def _times(times: NDArray[np.float64], start: float) -> list[float]:
    return [round(start + float(time), 3) for time in times]


def _sections(clip: Clip, span: Span) -> list[Signal]:
    samples = _mono(clip, span.start, min(span.end, span.start + _SECTION_SECONDS))
    return [
        Signal(
            "music.section",
            one.letter,
            None,
            Span(span.start + one.start, span.start + one.end),
            sections.SOURCE,
        )
        for one in sections.find_sections(samples, harmony.chroma_frames(samples))
    ]
