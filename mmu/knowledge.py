"""What the analyzer knows beside its networks: graph, numbers, policy, taught concepts, encoders of text."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import kg
from mmu.learning.learned import load_learned
from mmu.moderation.decide import load_classifier
from mmu.moderation.policy import load_policy
from mmu.reasoning.entities import MODEL as LEXER
from mmu.reasoning.entities import load_recogniser
from mmu.reasoning.settings import load_settings
from mmu.reasoning.similarity import MODELS as TEXT_MODELS
from mmu.reasoning.similarity import load_similarity
from mmu.reasoning.understand import Brain
from mmu.request import digest
from mmu.taught.recognise import Taught, with_taught
from mmu.taught.spaces import Space
from mmu.taught.store import TaughtStore
from models.store import Store

PathLike = str | os.PathLike[str]


@dataclass(frozen=True, slots=True)
class Knowledge:
    """The reasoning part, with what identifies it."""

    brain: Brain
    taught: Taught | None
    #: of the taught concepts; empty without
    lessons: str
    #: networks of text that take part
    models: tuple[str, ...]

    def digests(self) -> dict[str, Any]:
        """What tells this knowledge from another, by name."""
        brain = self.brain
        parts: dict[str, Any] = {
            "fusion": brain.settings.model_dump(),
            "graph": digest(repr(brain.graph.concepts), repr(brain.graph.labels)),
            "policy": [one.digest for one in (brain.policy, *brain.shadows)],
        }
        if brain.rule_factors:
            parts["rules"] = dict(brain.rule_factors)
        if brain.classifier is not None:
            parts["classifier"] = brain.classifier.digest
        if self.lessons:
            parts["taught"] = self.lessons
        return parts


def load_knowledge(
    store: Store,
    *,
    threads: int,
    policy: PathLike | None = None,
    shadow_policies: Sequence[PathLike] = (),
    classifier: PathLike | None = None,
    learned: PathLike | Literal[False] | None = None,
    taught: PathLike | None = None,
    foreign: Collection[Space] = (),
) -> Knowledge:
    """Read it; see `Analyzer` for the options and errors.

    Args:
        threads: for the encoders of text. They are loaded at the first video with topics; without their
            weights, words decide.
        foreign: spaces of embeddings that other networks fill, in which taught concepts mean nothing.
    """
    similarity = load_similarity(store, threads=threads)
    rules = load_policy(_path(policy))
    weights = None if learned is False else load_learned(_path(learned))
    lessons = TaughtStore(_path(taught))
    concepts = lessons.all()
    graph = with_taught(kg.load(), concepts)
    brain = Brain(
        graph,
        load_settings() if weights is None else weights.apply(load_settings()),
        rules,
        similarity,
        weights.rules if weights else {},
        load_classifier(classifier, similarity),
        tuple(load_policy(Path(one)).as_shadow() for one in shadow_policies),
        load_recogniser(store, graph),
    )
    return Knowledge(
        brain,
        Taught.of(concepts, similarity, without=set(foreign)) if concepts else None,
        lessons.digest,
        (*(TEXT_MODELS if similarity else ()), *((LEXER,) if store.has(LEXER) else ())),
    )


def _path(path: PathLike | None) -> Path | None:
    return None if path is None else Path(path)
