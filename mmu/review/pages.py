"""The queue and the dashboard."""

from __future__ import annotations

import time

from starlette.responses import Response

from mmu.moderation.queue.task import LANES
from mmu.review.board import draw
from mmu.review.listing import STATES, Filters, page
from mmu.review.statistics import Dashboard, dashboard
from mmu.review.tables import Database
from mmu.review.web import Call

ORDERS = ("priority", "age", "unsure")


class Board:
    """The dashboard's figures, at most `fresh` seconds old."""

    def __init__(self, database: Database, fresh: float = 15.0) -> None:
        self._database, self._fresh = database, fresh
        self._found: Dashboard | None = None

    def get(self) -> Dashboard:
        """The figures."""
        if self._found is None or time.time() - self._found.at > self._fresh:
            self._found = dashboard(self._database)
        return self._found


def queue(call: Call) -> Response:
    """The queue with its filters."""
    filters = Filters.read(call.query)
    found = page(call.site.database, filters)
    counts = call.site.counts
    return call.page(
        "queue.html",
        filters=filters,
        items=found.items,
        after=found.after,
        mine=call.site.desk.held_by(call.user.name) if call.user.may("decide") else [],
        totals={state: counts.of(state) for state in STATES},
        lanes=[(lane, counts.of(filters.state, lane)) for lane in LANES],
        categories=counts.categories(filters.state),
        orders=ORDERS,
        now=time.time(),
    )


def go_next(call: Call) -> Response:
    """On to the next task."""
    return to_next(call, "", "")


def to_next(call: Call, flash: str, undo: str) -> Response:
    """The next task of this reviewer, or the queue when there is none."""
    order, lane = call.form.get("order", "priority"), call.form.get("lane", "")
    found = call.site.desk.next(call.user, order=order if order in ORDERS else "priority", lane=lane)
    if found is None:
        return call.go("/", flash or "nothing_waits", undo)
    return call.go(f"/items/{found.task.id}", flash, undo)


def dashboard_page(call: Call) -> Response:
    """Volume, latency, decisions, precision, age and agreement as plots."""
    figures = call.site.board.get()
    return call.page("dashboard.html", figures=figures, plots=draw(figures, call.language))
