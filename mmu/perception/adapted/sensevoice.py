"""Stages `speech`, `vocal_emotion` and `sound` by SenseVoice: one network in a process for all three."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, ClassVar, Literal

import yaml
from pydantic import Field

from mmu.perception.adapted.base import AdaptedStage, AdapterOptions, OptionsT
from mmu.perception.adapted.sound import TaggedSound, TagOptions
from mmu.perception.adapted.vocal_emotion import EmotionOptions, ToneOfVoice
from mmu.perception.speech import Speech
from mmu.stage import Cost
from models.errors import ModelError
from models.onnx_place import OnnxPlace, find_place
from models.shared import Shared

if TYPE_CHECKING:
    from mmu.perception.sound_tags import SoundTagger
    from models.sensevoice import SenseVoice, SenseVoiceRecogniser, SenseVoiceTagger
    from models.store import Store

_SHARED = Shared()


@cache
def labels(of: Literal["emotion", "event"]) -> Mapping[str, str | None]:
    """SenseVoice's tokens without their marks -> labels of signals; None for one that is no answer."""
    text = (files("mmu.perception") / "data" / "sensevoice.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text)[of])


class _SenseVoiceStage(AdaptedStage[OptionsT]):
    """What the three have in common: the weights, where they run, and that they are loaded once."""

    listed = "sensevoice"
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=1500)
    several_clips = False

    _key: tuple[str, ...] | None = None
    _asking: SenseVoiceRecogniser | SenseVoiceTagger | None = None

    def check(self, store: Store) -> Mapping[str, str]:
        if self.options.device != "auto":
            self._place()
        return super().check(store)

    def notes(self) -> list[str]:
        return [] if self._asking is None else [*self._asking.network.notes, *self._asking.notes()]

    def shared_network(self, store: Store, threads: int) -> SenseVoice:
        """The network, loaded by the first stage that asks."""
        from models.sensevoice import SenseVoice

        weights, place, model = self.weights(store), self._place(), self.options.model
        key = (weights.sha256, str(weights.path), model, str(place), str(threads))
        network = _SHARED.get(
            key, lambda: SenseVoice(weights.path, model=model, threads=threads, place=place)
        )
        self._key = key
        return network

    def shared_tagger(
        self, store: Store, threads: int, of: Literal["emotion", "event"], *, batch: int
    ) -> SoundTagger:
        """Asks the network for one of its two opinions beside the words."""
        from models.sensevoice import EMOTION, EVENT, SenseVoiceTagger

        place = EMOTION if of == "emotion" else EVENT
        self._asking = SenseVoiceTagger(self.shared_network(store, threads), place, labels(of), batch=batch)
        return self._asking

    def let_go(self) -> None:
        """Free the network if no other stage has it."""
        if self._key is not None:
            _SHARED.release(self._key)
        self._key = self._asking = None

    def _place(self) -> OnnxPlace:
        if self.options.device == "mps":
            raise ModelError(
                f"device 'mps': SenseVoice works on cpu and cuda; say `device: cpu` for stage {self.name}"
            )
        return find_place(self.options.device, deterministic=self.options.deterministic)


class SenseVoiceOptions(AdapterOptions):
    """Options of `sensevoice`."""

    batch: int = Field(4, ge=1, le=64, description="pieces of up to 28 s run at once")
    itn: bool = Field(True, description="punctuation, and numbers as they are written")


class SenseVoiceSpeech(_SenseVoiceStage[SenseVoiceOptions], Speech):
    """Transcripts in Chinese, Cantonese, English, Japanese and Korean."""

    models: ClassVar[tuple[str, ...]] = ()
    Options: ClassVar[type[AdapterOptions]] = SenseVoiceOptions

    def __init__(self, adapter: str, options: SenseVoiceOptions) -> None:
        AdaptedStage.__init__(self, adapter, options)
        Speech.__init__(self)

    def recogniser(self, store: Store, *, threads: int) -> SenseVoiceRecogniser:
        from models.sensevoice import SenseVoiceRecogniser

        network, options = self.shared_network(store, threads), self.options
        self._asking = SenseVoiceRecogniser(
            network, batch=options.batch, written=options.itn, source=self.source
        )
        return self._asking

    def close(self) -> None:
        Speech.close(self)
        self.let_go()


class SenseVoiceEmotion(_SenseVoiceStage[EmotionOptions], ToneOfVoice):
    """Tone of voice of each stretch of speech; none where the network calls it unknown."""

    least_known = 0.5

    def network(self, store: Store, *, threads: int) -> SoundTagger:
        return self.shared_tagger(store, threads, "emotion", batch=self.options.batch)

    def close(self) -> None:
        ToneOfVoice.close(self)
        self.let_go()


class EventOptions(TagOptions):
    """Options of `sensevoice.events`."""

    threshold: float = Field(0.4, gt=0, lt=1, description="least share of an event among all of them")


class SenseVoiceSound(_SenseVoiceStage[EventOptions], TaggedSound[EventOptions]):
    """Everything that the default stage says, and the events that SenseVoice hears around speech."""

    Options: ClassVar[type[AdapterOptions]] = EventOptions

    def tagger(self, store: Store, *, threads: int) -> SoundTagger:
        return self.shared_tagger(store, threads, "event", batch=self.options.batch)

    def close(self) -> None:
        TaggedSound.close(self)
        self.let_go()
