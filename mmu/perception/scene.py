"""Where and when the picture was taken: indoors, outdoors, night, water, grass, street and the like.

There is no scene network; a scene's score comes from what the labels and objects that were seen say
of the place (`data/scene_priors.yaml`), and from simple cues of colour and light.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from mmu.perception.bars import picture_area
from mmu.perception.cues import PlaceCues, place_cues, small
from mmu.perception.merge import choose_looks, whole
from mmu.signals import Signal, SignalSet, Span
from mmu.stage import Cost, Needs, Stage

if TYPE_CHECKING:
    from mmu.media.clip import Clip

_SOURCE = "scene@1"
_PRIORS = Path(__file__).with_name("data") / "scene_priors.yaml"
#: evidence that indoors and outdoors start from, in the currency of a label's probability
_DOUBT = 0.12
#: nobody can be sure of a place from labels alone
_MOST = 0.95


class Scene(Stage):
    """Scene labels of the whole clip.

    Args:
        max_looks: frames looked at for cues.
        min_score: scenes below are left out.
    """

    name = "scene"
    needs = Needs(frames=True, wants=frozenset({"image.label", "image.object"}))
    emits = frozenset({"image.scene"})
    cost = Cost(cpus=0.5, memory_mb=60)

    def __init__(self, *, max_looks: int = 16, min_score: float = 0.2) -> None:
        self.max_looks = max_looks
        self.min_score = min_score

    def run(self, clip: Clip, signals: SignalSet) -> list[Signal]:
        looks = choose_looks(clip, limit=self.max_looks, min_change=0.08)
        rows = []
        for frame in clip.frames(looks.indices.tolist()) if len(looks.indices) else ():
            picture = small(frame.image)
            rows.append(place_cues(np.ascontiguousarray(picture_area(picture).cut(picture))))
        if not rows:
            return []
        weights = looks.seconds / looks.seconds.sum()
        cues = PlaceCues(*(float(v) for v in weights @ np.array(rows)))
        seen = _seen(signals)
        scores, because = _from_labels(seen)
        outdoor = _outdoor(seen, cues, _people(signals))
        scores["outdoor"], scores["indoor"] = outdoor, 1 - outdoor
        for scene, score in _from_cues(cues, outdoor, scores).items():
            scores[scene] = 1 - (1 - scores.get(scene, 0.0)) * (1 - score)
        # without any evidence both stand at one half, which says nothing
        least = {"indoor": 0.6, "outdoor": 0.6}
        return [
            Signal(
                "image.scene",
                scene,
                min(_MOST, score),
                because.get(scene) or whole(clip),
                _SOURCE,
                attributes={"vocabulary": "scene"},
            )
            for scene, score in sorted(scores.items(), key=lambda item: -item[1])
            if score >= least.get(scene, self.min_score)
        ]


class _Seen:
    """One label or object: how sure it is, and when it was seen."""

    def __init__(self, probability: float, span: Span | None, scenes: dict[str, float]) -> None:
        self.probability = probability
        self.span = span
        self.scenes = scenes


def _seen(signals: SignalSet) -> list[_Seen]:
    """The strongest signal of each label that says something of the place."""
    best: dict[tuple[str, str], _Seen] = {}
    for signal in signals.of("image.label", "image.object"):
        vocabulary, label = str(signal.attributes.get("vocabulary")), str(signal.value)
        scenes = priors().get(vocabulary, {}).get(label)
        if scenes is None or signal.score is None:
            continue
        probability = signal.score if vocabulary == "imagenet1k" else _object_probability(signal.score)
        known = best.get((vocabulary, label))
        if known is None or probability > known.probability:
            best[vocabulary, label] = _Seen(probability, signal.span, scenes)
    return list(best.values())


def _object_probability(score: float) -> float:
    """What a detector's score is worth: under 0.3 little, from 0.7 on nearly all."""
    return float(np.clip((score - 0.22) / 0.45, 0.0, 1.0)) * 0.95


def _from_labels(seen: list[_Seen]) -> tuple[dict[str, float], dict[str, Span | None]]:
    """Noisy-or over the labels, and the span of each scene's strongest label."""
    missed: dict[str, float] = {}
    strongest: dict[str, tuple[float, Span | None]] = {}
    for item in seen:
        for scene, weight in item.scenes.items():
            share = item.probability * weight
            missed[scene] = missed.get(scene, 1.0) * (1 - share)
            if share > strongest.get(scene, (0.0, None))[0]:
                strongest[scene] = (share, item.span)
    because = {scene: span for scene, (_, span) in strongest.items() if scene not in ("indoor", "outdoor")}
    return {scene: 1 - product for scene, product in missed.items()}, because


def _people(signals: SignalSet) -> float:
    """Probability that somebody is in the picture."""
    people = (s.score or 0.0 for s in signals.of("image.object") if s.value == "person")
    return _object_probability(max(people, default=0.0))


def _outdoor(seen: list[_Seen], cues: PlaceCues, people: float) -> float:
    """Probability of outdoors against indoors."""
    out = _DOUBT + sum(item.probability * item.scenes.get("outdoor", 0.0) for item in seen)
    inside = _DOUBT + sum(item.probability * item.scenes.get("indoor", 0.0) for item in seen)
    # people before nothing that tells of the open are in a room more often than not
    inside += 0.1 * people
    green = _ramp(max(cues.green_above, cues.green_below), 0.12, 0.5)
    out += 0.5 * green + 0.3 * _ramp(cues.blue_above, 0.3, 0.8)
    return out / (out + inside)


def _from_cues(cues: PlaceCues, outdoor: float, known: dict[str, float]) -> dict[str, float]:
    """Scenes that colour and light alone hint at; modest scores, and mostly only outdoors."""
    stage = max(known.get("stage", 0.0), known.get("underwater", 0.0))
    sky = max(_ramp(cues.blue_above, 0.2, 0.7), 0.7 * _ramp(cues.pale_above, 0.4, 0.9))
    dim = _ramp(cues.light, 0.32, 0.14) * _ramp(cues.dark, 0.15, 0.5)
    tinted_dim = _ramp(cues.light, 0.32, 0.2) * _ramp(cues.blue_all, 0.5, 0.9)
    found = {
        "sky": sky * max(0.0, outdoor - 0.25) * 1.1,
        "grass": 0.75 * _ramp(cues.green_below, 0.08, 0.4) * outdoor,
        "forest": 0.6 * _ramp(cues.green_above, 0.2, 0.55) * outdoor,
        "snow": 0.5 * _ramp(cues.white_below, 0.45, 0.8) * max(0.0, 2 * outdoor - 1.2),
        "night": max(0.45 * dim, 0.6 * tinted_dim) * (1 - 0.7 * stage) * min(1.0, 0.4 + outdoor),
        "sunset": 0.6 * _ramp(cues.glow_above, 0.2, 0.6) * max(0.0, outdoor - 0.3),
        "day": 0.8 * _ramp(cues.light, 0.3, 0.5) * max(0.0, 2 * outdoor - 1.0),
        "underwater": 0.3 * _ramp(cues.blue_all, 0.7, 0.95) * known.get("water", 0.0),
    }
    return {scene: score for scene, score in found.items() if score > 0}


@cache
def priors() -> dict[str, dict[str, dict[str, float]]]:
    """P(scene | label) by vocabulary, label and scene, from the data file."""
    data = yaml.safe_load(_PRIORS.read_text(encoding="utf-8"))
    table: dict[str, dict[str, dict[str, float]]] = {}
    for vocabulary, groups in data.items():
        labels = table.setdefault(vocabulary, {})
        for group in groups:
            for label in group["labels"]:
                scenes = labels.setdefault(label, {})
                for scene, weight in group["scenes"].items():
                    scenes[scene] = max(float(weight), scenes.get(scene, 0.0))
    return table


def _ramp(value: float, low: float, high: float) -> float:
    return float(np.clip((value - low) / (high - low), 0.0, 1.0))
