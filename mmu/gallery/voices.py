"""Known voices: a gallery like that of faces, filled from recordings, and the naming of speakers by it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from mmu.errors import ConfigError, MediaError
from mmu.gallery.store import Gallery, Snapshot
from mmu.media.open import open_clip
from mmu.perception.speakers import RATE, Speakers
from mmu.perception.speech_spans import speech_spans
from mmu.signals import Signal, SignalSet, Span
from mmu.songs.collect import OPTIONS
from models import speaker, voice_activity
from models.voice_activity import VoiceActivity

if TYPE_CHECKING:
    from models.store import Store

#: cosine from which a speaker is taken for a known voice: 1 in 700 others reaches it (docs/speech.md)
VOICE_COSINE = 0.5
#: less speech than this says too little about a voice, seconds
LEAST_SECONDS = 2.0
#: share of the speech that must be of one voice for a recording to be of that person
_MAIN_SHARE = 0.8


class VoiceGallery(Gallery):
    """Known voices on disk; see `Gallery`."""

    dimensions: ClassVar[int] = speaker.DIMENSIONS
    source: ClassVar[str] = speaker.SOURCE
    threshold: ClassVar[float] = VOICE_COSINE
    command: ClassVar[str] = "mmu voices"
    file_name: ClassVar[str] = "voices.sqlite"


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What became of one recording."""

    added: bool
    #: seconds of the voice
    seconds: float


class Listener:
    """Voice activity and diarization alone, loaded once."""

    def __init__(self, store: Store, *, threads: int = 1) -> None:
        """Load the networks.

        Raises:
            ModelError: weights are missing.
        """
        self._activity = VoiceActivity(threads=threads)
        self._speakers = Speakers()
        self._speakers.setup(store, threads=threads)

    def speakers(self, path: str) -> tuple[str, list[Signal]]:
        """SHA-256 of a recording and its `speech.speaker` signals, the one heard longest first.

        Raises:
            MediaError: it cannot be decoded, or has no sound.
        """
        with open_clip(path, options=OPTIONS, audio_rates=frozenset({RATE})) as clip:
            if not clip.has_audio:
                raise MediaError(f"{path}: has no sound", code="no_audio")
            parts = [self._activity.probabilities(one.samples) for one in clip.audio_windows(RATE)]
            heard = speech_spans(
                np.concatenate(parts) if parts else np.empty(0, np.float32), voice_activity.HOP / RATE
            )
            activity = [Signal("speech.activity", None, None, span, voice_activity.SOURCE) for span in heard]
            found = self._speakers.run(clip, SignalSet(activity))
            return clip.sha256 or hashlib.sha256(path.encode()).hexdigest(), sorted(
                found, key=lambda one: -float(one.attributes["seconds"])
            )


def enrol(
    gallery: VoiceGallery, name: str, path: str, listener: Listener, *, longest: bool = False
) -> Enrolled:
    """Add the voice of a recording to the gallery.

    Args:
        gallery: where to.
        name: whose voice it is.
        path: sound or video.
        listener: the networks.
        longest: of several voices take the one heard longest.

    Raises:
        ConfigError: no voice, too little of it, or several.
        MediaError: the file cannot be decoded, or has no sound.
    """
    digest, found = listener.speakers(path)
    if not found:
        raise ConfigError(f"{path}: nobody speaks in it")
    seconds = [float(one.attributes["seconds"]) for one in found]
    if seconds[0] < LEAST_SECONDS:
        raise ConfigError(f"{path}: only {seconds[0]:.1f} s of speech, at least {LEAST_SECONDS:g} are needed")
    if seconds[0] < _MAIN_SHARE * sum(seconds) and not longest:
        raise ConfigError(
            f"{path}: {len(found)} voices in it; cut it to one, or take the one heard longest with --longest"
        )
    embedding = found[0].embedding
    assert embedding is not None
    quality = min(1.0, seconds[0] / 10)
    added = gallery.add(name, embedding, photo=path.rsplit("/", 1)[-1], sha256=digest, quality=quality)
    return Enrolled(added, seconds[0])


def name_speakers(signals: SignalSet, gallery: Snapshot) -> SignalSet:
    """The same signals; a `speech.speaker` that the gallery knows has `attributes.name` and `.match`.

    Two speakers of one video are never the same known voice: the nearer one has the name.
    """
    best: dict[str, tuple[float, str]] = {}
    for signal in signals.of("speech.speaker"):
        found = None if signal.embedding is None else gallery.match(signal.embedding)
        if found is not None and found.score > best.get(found.name, (-1.0, ""))[0]:
            best[found.name] = (found.score, signal.id)
    named = {signal_id: (name, score) for name, (score, signal_id) in best.items()}
    return SignalSet(_with_names(signals, named))


def _with_names(signals: SignalSet, named: dict[str, tuple[str, float]]) -> Iterator[Signal]:
    for signal in signals:
        if signal.id in named:
            name, score = named[signal.id]
            attributes = signal.attributes | {"name": name, "match": round(min(1.0, score), 4)}
            yield replace(signal, attributes=attributes)
        else:
            yield signal


def turns_of(signal: Signal) -> list[Span]:
    """The turns of a `speech.speaker` signal."""
    return [Span(start, end) for start, end in signal.attributes["turns"]]
