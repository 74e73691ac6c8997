"""Stage `sound` with a tagger of AudioSet's events beside the default networks."""

from __future__ import annotations

import threading
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, field_validator
from scipy import signal as dsp

import kg
from mmu.errors import ConfigError
from mmu.perception.adapted.base import AdaptedStage, AdapterOptions, one_place
from mmu.perception.adapted.kept import kept_vectors
from mmu.perception.sound import FULL_RATE, Sound
from mmu.perception.sound_classes import SILENCE_DBFS
from mmu.perception.sound_networks import RATE
from mmu.perception.sound_tags import SoundTagger, events, windows_of
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost
from models.errors import ModelError
from models.torch.labels import read_labels

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

#: windows read before they are run
_HELD = 64


class TagOptions(AdapterOptions):
    """Options of `ast` and `panns`."""

    batch: int = Field(8, ge=1, le=512, description="windows run at a time")
    window: float = Field(10.0, ge=1, le=30, description="seconds heard at once; AudioSet's clips have 10")
    step: float = Field(5.0, ge=0.5, le=30, description="seconds from one window to the next")
    threshold: float = Field(0.2, gt=0, lt=1, description="least probability of an event")
    vocabulary: str = Field("audioset", description="label map of the graph that the labels belong to")


TagOptionsT = TypeVar("TagOptionsT", bound=TagOptions)


class TaggedSound(AdaptedStage[TagOptionsT], Sound):
    """Everything that the default stage says, and the events that a tagger hears."""

    models: ClassVar[tuple[str, ...]] = Sound.models
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=2500)
    Options: ClassVar[type[AdapterOptions]] = TagOptions
    several_clips = True

    def __init__(self, adapter: str, options: TagOptionsT) -> None:
        AdaptedStage.__init__(self, adapter, options)
        Sound.__init__(self)
        self._tagger: SoundTagger | None = None
        self._default = threading.Lock()

    @abstractmethod
    def tagger(self, store: Store, *, threads: int) -> SoundTagger:
        """The network."""

    def setup(self, store: Store, *, threads: int = 1) -> None:
        Sound.setup(self, store, threads=threads)
        self._tagger = self.tagger(store, threads=threads)

    def close(self) -> None:
        Sound.close(self)
        AdaptedStage.close(self)
        self._tagger = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        with self._default:  # its networks take one clip at a time
            found = Sound.run(self, clip, signals)
        return [*found, *self._tags(clip)]

    def _tags(self, clip: Clip) -> list[Signal]:
        if self._tagger is None:
            raise ConfigError("stage 'sound' was not set up")
        options = self.options
        windows = windows_of(
            clip.duration if clip.has_audio else 0.0, seconds=options.window, step=options.step
        )
        rows: list[NDArray[np.float32]] = []
        for first in range(0, len(windows), _HELD):
            rows.append(self._hear(clip, windows[first : first + _HELD], self._tagger))
        if not rows:
            return []
        return events(
            self._tagger.labels,
            np.concatenate(rows),
            windows,
            threshold=options.threshold,
            source=self.source,
            vocabulary=options.vocabulary,
        )

    def _hear(self, clip: Clip, windows: list[Span], tagger: SoundTagger) -> NDArray[np.float32]:
        """(len(windows), labels) probabilities; silent windows have none."""
        out = np.zeros((len(windows), len(tagger.labels)), np.float32)
        pieces = [_samples(clip, window, tagger.sample_rate) for window in windows]
        loud = [index for index, piece in enumerate(pieces) if _level(piece) > SILENCE_DBFS]
        if loud:
            out[loud] = tagger.probabilities([pieces[index] for index in loud])
        return out


class AstSound(TaggedSound[TagOptions]):
    """Events by an Audio Spectrogram Transformer, or any audio classifier of Transformers."""

    requires = ("torch", "transformers")
    extra = "torch"

    def tagger(self, store: Store, *, threads: int) -> SoundTagger:
        from models.torch.audio_classifier import AudioClassifier

        batch = self.options.batch
        return self.load(
            store, lambda path, runtime: AudioClassifier(path, runtime, batch=batch), threads=threads
        )


class PannsSound(TaggedSound[TagOptions]):
    """Events by PANNs."""

    requires = ("torch",)
    extra = "torch"

    def tagger(self, store: Store, *, threads: int) -> SoundTagger:
        from models.torch.panns import Panns

        batch = self.options.batch
        return self.load(store, lambda path, runtime: Panns(path, runtime, batch=batch), threads=threads)


class ClapOptions(TagOptions):
    """Options of `clap`."""

    labels: Path | None = Field(
        None, description="file with one English text a line; default: AudioSet's names that the graph knows"
    )
    sentence: str = Field("This is a sound of {}.", description="sentence that a label is put into, with {}")
    window: float = Field(10.0, ge=1, le=10, description="seconds heard at once; CLAP hears 10")
    threshold: float = Field(0.15, gt=0, lt=1, description="least probability of an event among all labels")

    _one_place = field_validator("sentence")(one_place)


class ClapSound(TaggedSound[ClapOptions]):
    """Events by CLAP: whatever can be said in English can be one."""

    requires = ("torch", "transformers")
    extra = "torch"
    Options: ClassVar[type[AdapterOptions]] = ClapOptions

    def tagger(self, store: Store, *, threads: int) -> SoundTagger:
        from models.torch.clap import Clap, ZeroShot

        options = self.options
        labels = self._labels()
        network = self.load(
            store, lambda path, runtime: Clap(path, runtime, batch=options.batch), threads=threads
        )
        if options.window > network.seconds:
            raise ModelError(
                f"{options.model} hears {network.seconds:g} seconds at once: make `window:` of stage sound "
                f"as short (it is {options.window:g})"
            )
        texts = [options.sentence.format(label) for label in labels]
        return ZeroShot(
            network, labels, kept_vectors(store, self.weights(store).sha256, texts, network.texts)
        )

    def _labels(self) -> tuple[str, ...]:
        if self.options.labels is not None:
            return read_labels(self.options.labels)
        maps = kg.load().labels
        if self.options.vocabulary not in maps:
            raise ConfigError(
                f"stage sound: the graph has no label map {self.options.vocabulary!r}; "
                f"maps: {', '.join(maps)}"
            )
        return tuple(maps[self.options.vocabulary])


def _samples(clip: Clip, window: Span, rate: int) -> NDArray[np.float32]:
    """(n,) float32 mono at a rate that need not be one of the clip's."""
    if rate == RATE:
        return clip.audio(RATE, window.start, window.end)
    mono = clip.audio(FULL_RATE, window.start, window.end).mean(axis=1)
    divisor = int(np.gcd(rate, FULL_RATE))
    return np.asarray(dsp.resample_poly(mono, rate // divisor, FULL_RATE // divisor), np.float32)


def _level(samples: NDArray[np.float32]) -> float:
    """Mean level in dBFS."""
    power = float(np.square(samples, dtype=np.float64).mean()) if samples.size else 0.0
    return 10 * float(np.log10(max(power, 1e-12)))
