"""A world in which it is known how far every source can be trusted, and reviewers who live in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import kg
from mmu.outcome import Outcome
from mmu.reasoning.settings import load_settings
from mmu.report.schema import Report
from mmu.signals import Signal, SignalSet

GRAPH = kg.load()
SETTINGS = load_settings()
#: vocabulary -> kind of its signals
KINDS = {"coco": "image.object", "music_tag": "music.tag", "imagenet1k": "image.label"}


@dataclass(slots=True)
class World:
    """Videos with the concepts that are true of them."""

    reports: dict[str, Report]
    true: dict[tuple[str, str], bool]


def labels(vocabulary: str, least: float = 0.85) -> list[tuple[str, str]]:
    """Labels of a vocabulary that stand for one concept each, almost surely."""
    found = {}
    for label, targets in sorted(GRAPH.labels[vocabulary].items()):
        concept, weight = targets[0]
        if weight >= least and concept not in SETTINGS.worth and GRAPH.concepts[concept].facet != "emotion":
            found.setdefault(concept, label)
    return [(label, concept) for concept, label in found.items()]


def make_world(reliability: Mapping[str, float], videos: int, seed: int) -> World:
    """Videos in which a label of a source is right with P = reliability × score."""
    rng = np.random.default_rng(seed)
    world = World({}, {})
    for number in range(videos):
        video = hashlib.sha256(f"{seed}:{number}".encode()).hexdigest()
        signals = []
        for vocabulary, trust in reliability.items():
            pairs = labels(vocabulary)
            for place in rng.choice(len(pairs), 3, replace=False):
                label, concept = pairs[place]
                score = round(float(rng.uniform(0.4, 1.0)), 3)
                attributes = {"vocabulary": vocabulary}
                signals.append(Signal(KINDS[vocabulary], label, score, None, "sim@1", attributes=attributes))
                known = world.true.get((video, concept), False)
                world.true[video, concept] = known or bool(rng.random() < trust * score)
        stored = [one.to_json() for one in SignalSet(signals)]
        world.reports[video] = Report(id=video, uri=f"{number}.mp4", outcome=Outcome.OK, signals=stored)
    return world


def verdicts(
    world: World, reviewer: str, seed: int, *, mistakes: float = 0.05, share: float = 1.0
) -> Iterable[dict[str, str]]:
    """What one reviewer says of every tag they look at; wrong with probability `mistakes`."""
    rng = np.random.default_rng(seed)
    for (video, concept), true in world.true.items():
        if rng.random() >= share:
            continue
        said = true if rng.random() >= mistakes else not true
        verdict = "right" if said else "wrong"
        yield {"video": video, "report": f"{video[:12]}.json", "kind": "tag", "subject": concept} | {
            "verdict": verdict,
            "reviewer": reviewer,
            "time": "2026-01-01T00:00:00Z",
        }


def write(folder: Path, world: World, rows: Iterable[dict[str, str]]) -> Path:
    """Reports and reviews as files; returns the file of reviews."""
    for video, report in world.reports.items():
        (folder / f"{video[:12]}.json").write_text(report.to_json(), encoding="utf-8")
    place = folder / "reviews.jsonl"
    place.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), encoding="utf-8")
    return place
