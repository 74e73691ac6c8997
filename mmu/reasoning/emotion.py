"""The emotion of a video: faces, voices, music and words, each weighed by how long it lasts.

Every axis is one opinion: a smile of one second in a minute of calm faces is
not what the video feels like, so a label counts by its share of the time in
which its source speaks at all. The opinions are then fused as everything else
is, in log-odds, with reliabilities from the settings.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from math import sqrt

from kg import Graph
from mmu.reasoning.fuse import Fused, fuse, to_tag
from mmu.reasoning.observe import Observation
from mmu.reasoning.settings import FusionSettings
from mmu.report.schema import Emotion, Name, ReportAxis

#: below this nothing is claimed
MINIMUM = 0.2
#: emotions listed with their scores
LISTED = 8
#: seconds that a signal without a span stands for
TIMELESS = 1.0


def judge_emotion(
    observations: Iterable[Observation], graph: Graph, settings: FusionSettings
) -> Emotion | None:
    """The strongest emotion with its evidence, and what each axis says; None when no axis speaks of emotion.

    Args:
        observations: of one video, from all sources.
        graph: knows which concepts are emotions.
        settings: of the fusion.
    """
    felt = _by_lasting([one for one in observations if graph.concepts[one.concept].facet == "emotion"])
    emotions = _emotions(fuse(felt, graph, settings), graph)
    if not emotions or emotions[0].score < MINIMUM:
        return None
    strongest = emotions[0]
    node = graph.concepts[strongest.concept]
    return Emotion(
        label=strongest.concept,
        name=Name(zh=node.zh, en=node.en),
        score=strongest.score,
        scores={one.concept: round(one.score, 4) for one in emotions[:LISTED]},
        axes=_by_axis(felt, graph, settings),
        evidence=to_tag(strongest, graph).evidence,
    )


def _by_axis(
    felt: Sequence[Observation], graph: Graph, settings: FusionSettings
) -> dict[ReportAxis, tuple[str, float]]:
    """The strongest emotion of each axis alone, where one speaks of any."""
    found: dict[ReportAxis, tuple[str, float]] = {}
    for axis in sorted({settings.sources[one.group].axis for one in felt}):
        alone = _emotions(fuse(felt, graph, settings, axes=frozenset({axis})), graph)
        if alone:
            found[axis] = (alone[0].concept, round(alone[0].score, 4))
    return found


def _emotions(beliefs: dict[str, Fused], graph: Graph) -> list[Fused]:
    """Emotions with evidence, strongest first."""
    found = [one for one in beliefs.values() if graph.concepts[one.concept].facet == "emotion" and one.shares]
    return sorted(found, key=lambda one: (-one.score, one.concept))


def _by_lasting(observations: Sequence[Observation]) -> list[Observation]:
    """Beliefs weighted by the square root of the share of time that the label has in its source."""
    seconds: dict[str, dict[str, dict[str, float]]] = defaultdict(lambda: defaultdict(dict))
    for one in observations:
        lasting = TIMELESS if one.span is None else max(one.span.seconds, 0.1)
        seconds[one.group][_label(one)][one.signal.id] = lasting
    shares: dict[tuple[str, str], float] = {}
    for group, labels in seconds.items():
        sums = {label: sum(signals.values()) for label, signals in labels.items()}
        total = sum(sums.values())
        shares |= {(group, label): value / total for label, value in sums.items()}
    return [replace(one, belief=one.belief * sqrt(shares[one.group, _label(one)])) for one in observations]


def _label(observation: Observation) -> str:
    """What the source says: its label; every mention in words stands for its own concept."""
    by_alias = any(step.kind == "alias" for step in observation.path)
    return observation.concept if by_alias else observation.label
