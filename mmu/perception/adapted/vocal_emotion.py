"""Stage `vocal_emotion` by a network of emotional speech: what they share, and those of Transformers."""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mmu.errors import ConfigError
from mmu.perception.adapted.base import AdaptedStage, AdapterOptions
from mmu.perception.sound_tags import SoundTagger
from mmu.perception.vocal_emotion import VocalEmotion, stretches
from mmu.signals import Signal, SignalSet
from mmu.stage import Cost
from models.errors import ModelError

if TYPE_CHECKING:
    from mmu.media.clip import Clip
    from models.store import Store

#: how labels of published networks are spelled, in lower case -> label of the `vocal_emotion` map
LABELS = {
    "angry": "angry",
    "anger": "angry",
    "ang": "angry",
    "happy": "happy",
    "happiness": "happy",
    "joy": "happy",
    "hap": "happy",
    "neutral": "neutral",
    "neu": "neutral",
    "sad": "sad",
    "sadness": "sad",
    "fear": "fear",
    "fearful": "fear",
    "surprise": "surprise",
    "surprised": "surprise",
    "disgust": "disgust",
    "disgusted": "disgust",
    "calm": "calm",
}
#: labels of emotions that are nobody's: their probability is shared by the others
OPEN = frozenset({"other", "<unk>", "unknown"})
#: arousal of each emotion, from 0 (calm) to 1 (excited): round numbers after Russell's circumplex (1980)
_AROUSAL = {
    "angry": 0.9,
    "fear": 0.85,
    "surprise": 0.8,
    "happy": 0.75,
    "disgust": 0.6,
    "neutral": 0.4,
    "sad": 0.25,
    "calm": 0.15,
}


class EmotionOptions(AdapterOptions):
    """Options of the adapters of vocal emotion."""

    batch: int = Field(8, ge=1, le=256, description="stretches run at a time")
    least: float = Field(0.5, ge=0.1, le=5, description="shorter stretches are left out, seconds")


class ToneOfVoice(AdaptedStage[EmotionOptions], VocalEmotion):
    """Tone of voice of each stretch of speech by a network trained on emotional speech."""

    models: ClassVar[tuple[str, ...]] = ()
    cost: ClassVar[Cost] = Cost(cpus=1.0, memory_mb=2500)
    Options: ClassVar[type[AdapterOptions]] = EmotionOptions
    #: least share of the named emotions, beside what the network calls unknown, for an answer
    least_known: ClassVar[float] = 0.0

    def __init__(self, adapter: str, options: EmotionOptions) -> None:
        AdaptedStage.__init__(self, adapter, options)
        self._network: SoundTagger | None = None
        self._names: tuple[str | None, ...] = ()

    @abstractmethod
    def network(self, store: Store, *, threads: int) -> SoundTagger:
        """The network; its labels are emotions."""

    def setup(self, store: Store, *, threads: int = 1) -> None:
        network, path = self.network(store, threads=threads), self.weights(store).path
        self._names = emotions(network.labels, str(path))
        rate = next(iter(self.needs.audio))
        if network.sample_rate != rate:
            raise ModelError(f"{path}: hears {network.sample_rate} Hz, the stage has {rate} Hz")
        self._network = network

    def close(self) -> None:
        AdaptedStage.close(self)
        self._network = None

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        if self._network is None:
            raise ConfigError("stage 'vocal_emotion' was not set up")
        rate = self._network.sample_rate
        asked = [(span, voice) for span, voice in stretches(signals) if span.seconds >= self.options.least]
        pieces = [clip.audio(rate, span.start, span.end) for span, _ in asked]
        kept = [index for index, piece in enumerate(pieces) if piece.size >= self.options.least * rate]
        found = self._network.probabilities([pieces[index] for index in kept])
        out: list[Signal] = []
        for index, row in zip(kept, found, strict=True):
            span, voice = asked[index]
            heard = dict(zip(self._names, map(float, row), strict=True))
            if sum(score for name, score in heard.items() if name is not None) < self.least_known:
                continue
            scores = shares(heard)
            label = max(scores, key=lambda name: scores[name])
            attributes: dict[str, object] = {
                "vocabulary": "vocal_emotion",
                "arousal": round(sum(_AROUSAL[name] * score for name, score in scores.items()), 3),
                "scores": {name: round(score, 3) for name, score in scores.items()},
            }
            if voice is not None:
                attributes["speaker"] = voice.value
            out.append(
                Signal("speech.emotion", label, scores[label], span, self.source, attributes=attributes)
            )
        return out


class NetworkEmotion(ToneOfVoice):
    """Tone of voice by any audio classifier of Transformers: wav2vec 2.0 and its kin."""

    requires = ("torch", "transformers")
    extra = "torch"
    several_clips = True

    def network(self, store: Store, *, threads: int) -> SoundTagger:
        from models.torch.audio_classifier import AudioClassifier

        batch = self.options.batch
        return self.load(
            store, lambda path, runtime: AudioClassifier(path, runtime, batch=batch), threads=threads
        )


def emotions(labels: tuple[str, ...], where: str) -> tuple[str | None, ...]:
    """Labels of a network as those of the `vocal_emotion` map; None for `other` and the like.

    Raises:
        ModelError: a label that is no emotion, or none that is.
    """
    # emotion2vec names each in two languages: 生气/angry
    plain = [label.rpartition("/")[2].strip().lower() for label in labels]
    strange = [label for label in plain if label not in LABELS and label not in OPEN]
    if strange or not any(label in LABELS for label in plain):
        raise ModelError(
            f"{where}: labels {', '.join(strange or plain)} are no emotions; known: {', '.join(LABELS)}"
        )
    return tuple(LABELS.get(label) for label in plain)


def shares(found: dict[str | None, float]) -> dict[str, float]:
    """Probabilities of the named emotions, which add up to 1."""
    named = {name: score for name, score in found.items() if name is not None}
    total = sum(named.values())
    if total <= 0:
        return dict.fromkeys(named, 1 / len(named))
    return {name: score / total for name, score in named.items()}
