"""From named examples to a concept that can be stored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import get_args

from kg import Facet, Graph
from mmu.errors import ConfigError
from mmu.taught.learn import learn
from mmu.taught.spaces import Example
from mmu.taught.store import TaughtConcept, check_name, concept_id, stored_spaces

#: a shipped concept of the same name is meant when these words mean it so surely
SAME = 0.95
Named = Sequence[tuple[str, Example]]


def teach(
    name: str,
    examples: Named,
    against: Named = (),
    *,
    graph: Graph,
    facet: str = "topic",
    is_a: Sequence[str] = (),
) -> TaughtConcept:
    """Learn a concept and test it on its own examples.

    Args:
        name: as it shall stand in reports. If the graph has a concept of this name, that one gets the
            evidence; otherwise a node of its own, `taught:NAME`.
        examples: name and vectors of what shows it.
        against: what resembles it and is not it.
        graph: the shipped one.
        facet: of the new node.
        is_a: broader concepts, by id or name.

    Raises:
        ConfigError: a bad name, facet or broader concept; too few examples; examples that share nothing.
    """
    name = check_name(name)
    if facet not in get_args(Facet):
        raise ConfigError(f"unknown facet {facet!r}; known: {', '.join(get_args(Facet))}")
    parents = [_concept(one, graph) for one in is_a]
    learned = learn([one for _, one in examples], [one for _, one in against])
    assert learned.trial is not None
    known = next((one for one, weight in graph.by_name(name) if weight >= SAME), None)
    return TaughtConcept(
        name=name,
        concept=known or concept_id(name),
        facet=facet,
        is_a=parents,
        created=datetime.now(UTC).replace(microsecond=0),
        examples=[one for one, _ in examples],
        against=[one for one, _ in against],
        spaces=stored_spaces(learned),
        trial={"examples": list(learned.trial.examples), "others": list(learned.trial.others)},
    )


def _concept(text: str, graph: Graph) -> str:
    if text in graph:
        return text
    named = graph.by_name(text)
    if not named:
        raise ConfigError(f"--is-a {text}: no such concept; `mmu kg search {text}` finds some")
    return named[0][0]
