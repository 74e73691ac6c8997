"""Evidence fusion in log-odds.

For a concept, opinions are grouped by source, sources by axis:

* labels of one softmax are shares of one opinion: their beliefs add, up to 1;
  repeated labels or mentions of another source combine as noisy-or, up to the
  reliability of that source (a hundred frames are one opinion, not a hundred);
* sources of one axis add in log-odds with decreasing weight (saturation);
* independent axes add in full: L = logit(prior) + sum over axes of the evidence.

Belief reaches a concept directly or along the graph: up `is_a` and across
`implies`, multiplied by the weights of the edges. `excludes` takes belief from
the weaker of two concepts. A score is the calibrated belief times the worth of
the concept as a tag. Every contribution keeps its path, and the weights
of a tag's paths add up to its score.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, log

from kg import Concept, Graph
from mmu.reasoning.observe import Observation, concept_step
from mmu.reasoning.settings import FusionSettings, SourceSettings
from mmu.report.schema import Evidence, Name, ReportAxis, Tag
from mmu.report.schema_base import TimeRange
from mmu.signals import Signal

#: belief that has passed so many edges is not carried on
MAX_STEPS = 4
#: belief below this is not carried on
MIN_BELIEF = 0.01
#: paths kept with a tag; the rest is folded into the last
MAX_PATHS = 12


@dataclass(slots=True)
class Fused:
    """A concept with its belief; `shares` of its observations add up to 1.

    `shift` is the part of `log_odds` that an excluding concept took (0 or less).
    """

    concept: str
    log_odds: float
    score: float
    shares: list[tuple[Observation, ReportAxis, float]]
    shift: float = 0.0


def fuse(
    observations: Iterable[Observation],
    graph: Graph,
    settings: FusionSettings,
    *,
    axes: frozenset[str] | None = None,
) -> dict[str, Fused]:
    """Believe concepts from observations.

    Args:
        observations: of one video, from all sources.
        graph: relations along which belief flows.
        settings: reliabilities, prior, saturation, calibration.
        axes: use only these report axes (default: all).

    Returns:
        Concept id -> belief, for every concept with any evidence.
    """
    grouped = gather(observations, graph, settings, axes=axes)
    beliefs = {
        concept: _combine(graph.concepts[concept], groups, settings) for concept, groups in grouped.items()
    }
    _exclude(beliefs, graph, settings)
    return beliefs


def gather(
    observations: Iterable[Observation],
    graph: Graph,
    settings: FusionSettings,
    *,
    axes: frozenset[str] | None = None,
) -> dict[str, dict[str, list[Observation]]]:
    """Everything that speaks for each concept, directly or along the graph: concept -> source -> evidence."""
    grouped: dict[str, dict[str, list[Observation]]] = defaultdict(lambda: defaultdict(list))
    for observation in observations:
        axis = settings.sources[observation.group].axis
        if axes is None or axis in axes:
            for reached in _spread(observation, graph):
                grouped[reached.concept][observation.group].append(reached)
    return grouped


def _spread(observation: Observation, graph: Graph) -> Iterable[Observation]:
    """The observation itself and what it lends to concepts along the graph, by the best path."""
    yield observation
    for weight, way in graph.reach(observation.concept, MAX_STEPS):
        belief = observation.belief * weight
        if way and belief >= MIN_BELIEF:
            steps = [concept_step(graph, concept) for concept in way]
            yield Observation(
                way[-1],
                observation.group,
                belief,
                observation.label,
                observation.signal,
                (*observation.path, *steps),
            )


def _combine(concept: Concept, groups: dict[str, list[Observation]], settings: FusionSettings) -> Fused:
    prior = logit(settings.prior)
    if len(groups) == 1:
        [observations] = groups.values()
        if len(observations) == 1:
            return _alone(concept, observations[0], prior, settings)
    by_axis: dict[ReportAxis, list[tuple[float, list[tuple[Observation, float]]]]] = defaultdict(list)
    for group, observations in groups.items():
        source = settings.sources[group]
        belief, parts = _opinion(observations, source)
        by_axis[source.axis].append((max(0.0, logit(belief) - prior), parts))
    total = 0.0
    shares: list[tuple[Observation, ReportAxis, float]] = []
    for axis, opinions in by_axis.items():
        opinions.sort(key=lambda opinion: -opinion[0])
        for rank, (gain, parts) in enumerate(opinions):
            gain *= settings.saturation**rank
            total += gain
            shares += [(observation, axis, gain * part) for observation, part in parts if gain > 0]
    log_odds = prior + total
    score = _score(concept, log_odds, settings)
    shares = [(observation, axis, share / total) for observation, axis, share in shares] if total > 0 else []
    return Fused(concept.id, log_odds, score, shares)


def _alone(concept: Concept, observation: Observation, prior: float, settings: FusionSettings) -> Fused:
    """What `_combine` comes to with one observation; most concepts have but one."""
    source = settings.sources[observation.group]
    raw = min(1.0, observation.belief) if source.exclusive else 1.0 - (1.0 - observation.belief)
    gain = max(0.0, logit(source.reliability * raw**source.sharpness) - prior)
    log_odds = prior + gain
    shares: list[tuple[Observation, ReportAxis, float]] = (
        [(observation, source.axis, 1.0)] if gain > 0 else []
    )
    return Fused(concept.id, log_odds, _score(concept, log_odds, settings), shares)


def _opinion(
    observations: list[Observation], source: SourceSettings
) -> tuple[float, list[tuple[Observation, float]]]:
    """One belief of one source, and each observation's part in it (adding up to 1)."""
    raw, best = raw_opinion(observations, source)
    total = sum(observation.belief for observation in best) or 1.0
    parts = [(observation, observation.belief / total) for observation in best]
    return source.reliability * raw**source.sharpness, parts


def raw_opinion(observations: list[Observation], source: SourceSettings) -> tuple[float, list[Observation]]:
    """What a source says of a concept before it is trusted, and its best observation a label."""
    best: dict[str, Observation] = {}
    for observation in observations:
        known = best.get(observation.label)
        if known is None or observation.belief > known.belief:
            best[observation.label] = observation
    beliefs = [observation.belief for observation in best.values()]
    if source.exclusive:
        raw = min(1.0, sum(beliefs))
    else:
        missing = 1.0
        for belief in beliefs:
            missing *= 1.0 - belief
        raw = 1.0 - missing
    return raw, list(best.values())


def _exclude(beliefs: dict[str, Fused], graph: Graph, settings: FusionSettings) -> None:
    """Take belief from the weaker of two concepts that exclude each other."""
    for fused in sorted(beliefs.values(), key=lambda one: -one.log_odds):
        for excluded in graph.concepts[fused.concept].excludes:
            other = beliefs.get(excluded)
            if other is not None and other.log_odds < fused.log_odds:
                other.shift -= settings.exclusion * fused.score
                other.log_odds -= settings.exclusion * fused.score
                other.score = _score(graph.concepts[excluded], other.log_odds, settings)


def _score(concept: Concept, log_odds: float, settings: FusionSettings) -> float:
    worth = settings.worth.get(concept.id, settings.facet_worth.get(concept.facet, 1.0))
    return worth * sigmoid(settings.calibration.slope * log_odds + settings.calibration.offset)


def to_tag(fused: Fused, graph: Graph) -> Tag:
    """One fused concept as a tag; the weights of its evidence add up to its score."""
    node = graph.concepts[fused.concept]
    shares = sorted(fused.shares, key=lambda share: -share[2])
    kept = shares[:MAX_PATHS]
    kept_sum = sum(share for _, _, share in kept)
    evidence = [
        _evidence(observation, axis, fused.score * share / kept_sum) for observation, axis, share in kept
    ]
    spans = _merged([one.span for one in evidence if one.span is not None])
    return Tag(
        id=node.id,
        name=Name(zh=node.zh, en=node.en),
        facet=node.facet,
        score=fused.score,
        spans=spans,
        evidence=evidence,
    )


def _merged(spans: list[TimeRange]) -> list[TimeRange]:
    """The same times without overlaps, in order."""
    merged: list[TimeRange] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _evidence(observation: Observation, axis: ReportAxis, weight: float) -> Evidence:
    signal: Signal = observation.signal
    return Evidence(
        axis=axis,
        weight=weight,
        signal=signal.id,
        source=signal.source,
        path=list(observation.path),
        span=None if signal.span is None else (round(signal.span.start, 3), round(signal.span.end, 3)),
        box=None if signal.box is None else signal.box.rounded(),
    )


def logit(probability: float) -> float:
    """Log-odds of a probability, kept finite."""
    clipped = min(max(probability, 1e-6), 1 - 1e-6)
    return log(clipped / (1 - clipped))


def sigmoid(log_odds: float) -> float:
    """Probability of log-odds."""
    return 1 / (1 + exp(-log_odds))
