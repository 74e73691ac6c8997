"""Which videos a search may answer with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from kg import FACETS, Graph
from mmu.errors import ConfigError
from mmu.search.query import BELOW, expand

if TYPE_CHECKING:
    from mmu.search.arrays import Arrays, Facts

#: a tag counts from this score on
TAG_SCORE = 0.3


@dataclass(frozen=True, slots=True)
class SearchFilters:
    """All that are given must hold.

    `tags` and `category` are concept ids or names; kinds of them count too. Durations are in seconds.
    """

    tags: tuple[str, ...] = ()
    facets: tuple[str, ...] = ()
    category: str | None = None
    language: str | None = None
    decision: str | None = None
    min_duration: float | None = None
    max_duration: float | None = None

    def allowed(self, facts: Facts, arrays: Arrays, units: dict[str, int], graph: Graph) -> NDArray[np.bool_]:
        """(rows,) bool.

        Raises:
            ConfigError: an unknown concept or facet, or a duration below zero.
        """
        allowed = arrays.alive.copy()
        if self.category is not None:
            allowed &= np.isin(facts.categories, sorted(_kinds(self.category, graph)))
        for texts, wanted in ((facts.languages, self.language), (facts.decisions, self.decision)):
            if wanted is not None:
                allowed &= texts == wanted
        for seconds in (self.min_duration, self.max_duration):
            if seconds is not None and seconds < 0:
                raise ConfigError(f"a duration is not below 0 seconds: {seconds}")
        if self.min_duration is not None:
            allowed &= facts.durations >= self.min_duration
        if self.max_duration is not None:
            allowed &= facts.durations <= self.max_duration
        for tag in self.tags:
            allowed &= _having({units[key] for key in _kinds(tag, graph) if key in units}, arrays)
        for facet in self.facets:
            if facet not in FACETS:
                raise ConfigError(f"unknown facet {facet!r}; facets: {', '.join(FACETS)}")
            of = {
                number for key, number in units.items() if key in graph and graph.concepts[key].facet == facet
            }
            allowed &= _having(of, arrays)
        return allowed


def _kinds(text: str, graph: Graph) -> set[str]:
    named = [text] if text in graph else [concept for concept, _ in graph.by_name(text)]
    if not named:
        raise ConfigError(f"no concept is called {text!r}; `mmu kg search` finds names")
    return {key for one in named for key, worth in expand(one, graph).items() if worth >= BELOW}


def _having(wanted: set[int], arrays: Arrays) -> NDArray[np.bool_]:
    """Rows with any of the units at a score that counts."""
    table = np.zeros(max(1, len(arrays.common)), bool)
    table[[number for number in wanted if number < len(table)]] = True
    hits = np.take(table, arrays.units, mode="clip")
    hits &= arrays.scores >= TAG_SCORE
    having = np.zeros(arrays.rows, bool)
    full = arrays.starts[1:] > arrays.starts[:-1]
    having[full] = np.logical_or.reduceat(hits, arrays.starts[:-1][full])
    return having
