"""From signals to observations: what each signal says about which concept.

An observation is one step away from perception: a concept of the graph, the
belief that the signal lends it, and the path that led there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import erf, sqrt
from typing import NamedTuple

from kg import Graph
from mmu.reasoning.settings import FusionSettings
from mmu.report.schema import EvidenceStep
from mmu.signals import Signal, Span

#: ages in years that bound the buckets of the vocabulary `face_age`
AGE_BUCKETS = {
    "child": (0, 13),
    "teenager": (13, 19),
    "young_adult": (19, 36),
    "adult": (36, 60),
    "elderly": (60, 120),
}

#: a mention is an opinion, not a proof; several of them approach the source's reliability
MENTION_BELIEF = 0.7


class Label(NamedTuple):
    """A label of a vocabulary with the belief in it."""

    vocabulary: str
    value: str
    score: float


@dataclass(frozen=True, slots=True)
class Observation:
    """Belief `belief` in `concept`, from one signal, before the source's reliability."""

    concept: str
    group: str
    belief: float
    label: str
    signal: Signal
    path: tuple[EvidenceStep, ...]

    @property
    def span(self) -> Span | None:
        return self.signal.span


#: labels of a classifier that knows no people; where somebody fills the picture they are less to be
#: trusted (a shirt becomes a bulletproof vest), and count as a source of their own
PEOPLED = {"imagenet1k": "imagenet1k.people"}
#: share of the frame and score of a detected person from which it fills the picture
FILLS, SURE_PERSON = 0.15, 0.4


def observe(
    signals: Iterable[Signal],
    graph: Graph,
    settings: FusionSettings,
    duration: float,
    *,
    frame: tuple[int, int] | None = None,
) -> list[Observation]:
    """All observations that the graph can make of the signals.

    Args:
        signals: of one video.
        graph: label maps and aliases are taken from it.
        settings: sources that it does not list are ignored; `VOCABULARY@ADAPTER` is a source of its own.
        duration: seconds of the video, to weigh how long something lasted.
        frame: width and height of the picture in pixels, to see whether people fill it.
    """
    found: list[Observation] = []
    known = list(signals)
    sources = PEOPLED if _peopled(known, frame) else {}
    genders = {one.track: one for one in known if one.kind == "face.gender" and one.track}
    for signal in known:
        for label in _labels(signal, duration, genders):
            if label.vocabulary in settings.sources:
                group = sources.get(label.vocabulary, label.vocabulary)
                own = f"{group}@{signal.source.partition(':')[0]}"
                found += _by_label(signal, label, graph, own if own in settings.sources else group)
        if signal.kind == "taught.match":
            found += _taught(signal, graph, settings)
        if signal.kind == "image.answer":
            found += _answer(signal, graph, settings)
        elif signal.kind in settings.sources and isinstance(signal.value, str):
            found += _by_alias(signal, signal.value, graph)
    return found


def _peopled(signals: Iterable[Signal], frame: tuple[int, int] | None) -> bool:
    """Whether a person fills a good part of the picture somewhere in the video."""
    if frame is None:
        return False
    enough = FILLS * frame[0] * frame[1]
    return any(
        one.kind == "image.object"
        and one.value == "person"
        and one.box is not None
        and one.box.area >= enough
        and (one.score or 0.0) >= SURE_PERSON
        for one in signals
    )


def _by_label(signal: Signal, label: Label, graph: Graph, source: str) -> Iterator[Observation]:
    for concept, weight in graph.label(label.vocabulary, label.value):
        path = (
            _signal_step(signal),
            EvidenceStep(kind="label", id=f"{label.vocabulary}:{label.value}", text=label.value),
            concept_step(graph, concept),
        )
        yield Observation(concept, source, label.score * weight, label.value, signal, path)


def _by_alias(signal: Signal, text: str, graph: Graph) -> Iterator[Observation]:
    for mention in graph.link(text):
        path = (
            _signal_step(signal),
            EvidenceStep(kind="alias", id=mention.alias, text=mention.alias),
            concept_step(graph, mention.concept),
        )
        belief = MENTION_BELIEF * mention.weight * (signal.score if signal.score is not None else 1.0)
        yield Observation(mention.concept, signal.kind, belief, signal.id, signal, path)


def _taught(signal: Signal, graph: Graph, settings: FusionSettings) -> Iterator[Observation]:
    concept, group = str(signal.attributes.get("concept")), f"taught.{signal.attributes.get('space')}"
    if concept in graph and group in settings.sources:
        path = (_signal_step(signal), concept_step(graph, concept))
        yield Observation(concept, group, signal.score or 0.0, signal.id, signal, path)


def _answer(signal: Signal, graph: Graph, settings: FusionSettings) -> Iterator[Observation]:
    """What a vision-language model names was linked when it was checked (`answers.py`)."""
    concept = str(signal.attributes.get("concept"))
    if concept in graph and signal.kind in settings.sources:
        path = (_signal_step(signal), concept_step(graph, concept))
        yield Observation(concept, signal.kind, signal.score or 0.0, signal.id, signal, path)


def _signal_step(signal: Signal) -> EvidenceStep:
    text = "" if signal.value is None else str(signal.value)
    if signal.kind == "face.age":
        text = f"约 {text} 岁 · about {text} years"
    return EvidenceStep(kind="signal", id=signal.id, text=text or signal.kind)


@lru_cache(maxsize=16384)
def concept_step(graph: Graph, concept: str) -> EvidenceStep:
    """The evidence step of a concept, with its name in both languages."""
    node = graph.concepts[concept]
    return EvidenceStep(kind="concept", id=concept, text=f"{node.zh} · {node.en}")


def _labels(signal: Signal, duration: float, genders: Mapping[str, Signal]) -> Iterator[Label]:
    """What a signal says as labels of a vocabulary; `genders` by face track refine ages."""
    score = 1.0 if signal.score is None else signal.score
    vocabulary = signal.attributes.get("vocabulary")
    lasting = _lasting(signal.span, duration)
    match signal.kind:
        case "face.track":
            yield Label("face", "face", score)
        case "face.gender":
            yield Label("face_gender", str(signal.value), score)
        case "face.age" if isinstance(signal.value, float | int):
            gender = genders.get(signal.track or "")
            vocabulary, prefix, weight = "face_age", "", 1.0
            if gender is not None:
                vocabulary, prefix, weight = "face_age_gender", f"{gender.value} ", gender.score or 0.0
            spread = float(signal.attributes.get("spread", 5.0))
            for bucket, share in age_buckets(signal.value, spread).items():
                yield Label(vocabulary, prefix + bucket, share * weight)
        case "face.expression":
            yield Label("expression", str(signal.value), score)
        case "text.line" if signal.attributes.get("role") in ("subtitle", "watermark"):
            yield Label("text_role", str(signal.attributes["role"]), score)
        case "speech.activity":
            yield Label("speech", "speech", lasting)
        case "speech.language":
            yield Label("language", str(signal.value), score)
        case "speech.emotion":
            yield Label("vocal_emotion", str(signal.value), score * lasting)
        case "audio.segment":
            yield Label("audio_class", str(signal.value), score * lasting)
        case _ if vocabulary:
            yield Label(str(vocabulary), str(signal.value), score)


def _lasting(span: Span | None, duration: float) -> float:
    """Weight of something that lasts a part of the video: one fifth of it, or five seconds, is plenty."""
    if span is None:
        return 1.0
    enough = min(5.0, max(0.2 * duration, 0.3))
    return min(1.0, sqrt(span.seconds / enough))


def age_buckets(years: float, spread: float) -> dict[str, float]:
    """Probability of each age bucket for a normal estimate of `years` ± `spread`."""
    spread = max(spread, 2.0)

    def below(limit: float) -> float:
        return 0.5 * (1 + erf((limit - years) / (spread * sqrt(2))))

    return {name: below(high) - below(low) for name, (low, high) in AGE_BUCKETS.items()}
