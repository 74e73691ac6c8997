"""Pages of the queue: filters, order, and a cursor to go on from; every value is bound, never pasted."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from urllib.parse import urlencode

from mmu.errors import ConfigError
from mmu.moderation.queue.sqlite_rows import COLUMNS, task_from
from mmu.moderation.queue.task import LANES
from mmu.review.desk import Item
from mmu.review.tables import Database

PAGE = 40
STATES = ("waiting", "leased", "done", "dead")
_ORDERS = {
    "priority": ("rank", "DESC"),
    "age": ("queued", "ASC"),
    "unsure": ("abs(confidence - 0.5)", "ASC"),
}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a page of the queue shows; empty means all."""

    state: str = "waiting"
    lane: str = ""
    category: str = ""
    decision: str = ""
    severity: str = ""
    search: str = ""
    order: str = "priority"
    after: str = ""

    @classmethod
    def read(cls, query: Mapping[str, str]) -> Filters:
        """Filters from a query string.

        Raises:
            ConfigError: a value that is not allowed.
        """
        given = {field.name: query[field.name][:200] for field in fields(cls) if field.name in query}
        found = cls(**given)
        allowed = (
            ("state", found.state, STATES),
            ("lane", found.lane, ("", *LANES)),
            ("decision", found.decision, ("", "pass", "review", "block")),
            ("severity", found.severity, ("", "1", "2", "3", "4", "5")),
            ("order", found.order, tuple(_ORDERS)),
        )
        for name, value, values in allowed:
            if value not in values:
                raise ConfigError(f"{name} {value!r}: allowed are {', '.join(filter(None, values))}")
        return found

    def link(self, **changes: str) -> str:
        """The query string with some filters changed, on the first page."""
        new = replace(self, **({"after": ""} | changes))
        return "?" + urlencode(
            {k: v for k in self.__slots__ if (v := getattr(new, k)) != getattr(Filters(), k)}
        )


@dataclass(frozen=True, slots=True)
class Page:
    """Rows of one page and the cursor of the next (empty on the last)."""

    items: list[Item]
    after: str


def page(database: Database, filters: Filters) -> Page:
    """One page of tasks.

    Raises:
        ConfigError: the cursor is not one of ours.
    """
    column, direction = _ORDERS[filters.order]
    where, values = ["state = ?"], [filters.state]
    conditions: list[object] = list(values)
    for name in ("lane", "category", "decision"):
        if value := getattr(filters, name):
            where.append(f"{name} = ?")
            conditions.append(value)
    if filters.severity:
        where.append("severity >= ?")
        conditions.append(int(filters.severity))
    if re.fullmatch("[0-9a-f]{32}|[0-9a-f]{64}", filters.search):
        where.append("id = ?" if len(filters.search) == 32 else "video = ?")
        conditions.append(filters.search)
    elif filters.search:
        # looked for in an index that holds nothing but titles, so that it is fast
        where.append("number IN (SELECT number FROM task WHERE state = ? AND title LIKE ? ESCAPE '\\')")
        pattern = "".join(f"\\{c}" if c in "%_\\" else c for c in filters.search)
        conditions += [filters.state, f"%{pattern}%"]
    if filters.after:
        value, last = _cursor(filters.after)
        sign = "<" if direction == "DESC" else ">"
        where.append(f"({column} {sign} ? OR ({column} = ? AND id > ?))")
        conditions += [value, value, last]
    with database.errors():
        rows = database.db.execute(
            f"SELECT {COLUMNS}, state, worker, token, until, attempts, reason, queued, verdict, "
            f"reviewer, {column} "
            f"FROM task WHERE {' AND '.join(where)} ORDER BY {column} {direction}, id LIMIT ?",
            (*conditions, PAGE + 1),
        ).fetchall()
    items = [Item(task_from(row), *row[16:-1]) for row in rows[:PAGE]]
    after = f"{rows[PAGE - 1][-1]!r}~{rows[PAGE - 1][0]}" if len(rows) > PAGE else ""
    return Page(items, after)


def _cursor(text: str) -> tuple[float, str]:
    value, _, last = text.partition("~")
    try:
        return float(value), last
    except ValueError as error:
        raise ConfigError(f"{text!r} is not a place in this list") from error


class Counts:
    """How many tasks wait by lane and category, at most `fresh` seconds old."""

    def __init__(self, database: Database, fresh: float = 2.0) -> None:
        self._database, self._fresh = database, fresh
        self._at, self._found = 0.0, {}  # type: float, dict[tuple[str, str], dict[str, int]]

    def get(self) -> dict[tuple[str, str], dict[str, int]]:
        """`(state, lane)` -> category -> count."""
        if time.monotonic() - self._at > self._fresh:
            found: dict[tuple[str, str], dict[str, int]] = {}
            with self._database.errors():
                for state, lane, category, count in self._database.db.execute(
                    "SELECT state, lane, category, count(*) FROM task GROUP BY state, lane, category"
                ):
                    found.setdefault((state, lane), {})[category] = count
            self._found, self._at = found, time.monotonic()
        return self._found

    def of(self, state: str, lane: str = "") -> int:
        """How many tasks are in a state (and lane)."""
        return sum(
            sum(counts.values())
            for (s, found), counts in self.get().items()
            if s == state and lane in ("", found)
        )

    def categories(self, state: str) -> list[str]:
        """Categories of the tasks in a state, the most frequent first."""
        total: dict[str, int] = {}
        for (s, _), counts in self.get().items():
            for category, count in counts.items():
                if s == state and category:
                    total[category] = total.get(category, 0) + count
        return sorted(total, key=lambda name: -total[name])
