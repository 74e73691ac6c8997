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
    from mmu.search.arrays import Arrays
    from mmu.search.store import Files

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

    def allowed(self, files: Files, arrays: Arrays, units: dict[str, int], graph: Graph) -> NDArray[np.bool_]:
        """(rows,) bool.

        Raises:
            ConfigError: an unknown concept or facet, or a duration below zero.
        """
        where: list[str] = []
        values: list[str] = []
        if self.category is not None:
            kinds = sorted(_kinds(self.category, graph))
            where.append(f"category IN ({', '.join('?' * len(kinds))})")
            values += kinds
        for column, value in (("language", self.language), ("decision", self.decision)):
            if value is not None:
                where.append(f"{column} = ?")
                values.append(value)
        for sign, seconds in ((">=", self.min_duration), ("<=", self.max_duration)):
            if seconds is not None:
                if seconds < 0:
                    raise ConfigError(f"a duration is not below 0 seconds: {seconds}")
                where.append("duration " + sign + " ?")
                values.append(str(seconds))
        allowed = arrays.alive.copy()
        if where:
            rows = files.rows(" AND ".join(where), values)
            meeting = np.zeros(arrays.rows, bool)
            meeting[rows[rows < arrays.rows]] = True
            allowed &= meeting
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
    table = np.zeros(int(arrays.units.max(initial=0)) + 1, bool)
    table[[number for number in wanted if number < len(table)]] = True
    hits = table[arrays.units] & (arrays.scores >= TAG_SCORE)
    sums = np.concatenate([[0], np.cumsum(hits)])
    return np.asarray(sums[arrays.starts[1:]] > sums[arrays.starts[:-1]])
