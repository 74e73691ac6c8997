"""The dashboard's plots and their tables."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from mmu.review import plots
from mmu.review.statistics import Dashboard
from mmu.review.wording import category, speak


@dataclass(frozen=True, slots=True)
class Plot:
    """A picture and the same as a table."""

    title: str
    hint: str
    picture: Markup | None
    legend: list[tuple[str, str]]
    head: list[str]
    rows: list[list[str]]


def draw(figures: Dashboard, language: str) -> list[Plot]:
    """All plots in one language."""
    say = speak(language)
    days = [time.strftime("%m-%d", time.gmtime(day.start)) for day in figures.days]

    def plot(
        title: str,
        picture: Markup,
        head: Sequence[str],
        rows: Sequence[Sequence[object]],
        *,
        hint: str = "",
        legend: Sequence[tuple[str, str]] = (),
        empty: bool = False,
    ) -> Plot:
        cells = [[str(cell) for cell in row] for row in rows]
        return Plot(
            say(title),
            hint and say(hint),
            None if empty else picture,
            [(k, say(t)) for k, t in legend],
            [say(h) for h in head],
            cells,
        )

    def minutes(value: float | None) -> str:
        return "–" if value is None else f"{value / 60:.1f}"

    volume = [
        ("blue", [float(d.queued) for d in figures.days]),
        ("green", [float(d.decided) for d in figures.days]),
    ]
    waits: list[tuple[str, list[float | None]]] = [
        ("blue", [d.wait[0] / 60 if d.wait else None for d in figures.days]),
        ("orange", [d.wait[1] / 60 if d.wait else None for d in figures.days]),
    ]
    handling: list[tuple[str, list[float | None]]] = [("violet", [d.handling for d in figures.days])]
    ages = [say(f"age_{k}") for k in range(1, 7)]
    kinds = ("good", "bad", "warn")
    return [
        plot(
            "volume",
            plots.lines(volume, days, title=say("volume")),
            ("day", "series_queued", "series_decided"),
            [(day, d.queued, d.decided) for day, d in zip(days, figures.days, strict=True)],
            legend=(("blue", "series_queued"), ("green", "series_decided")),
        ),
        plot(
            "waits",
            plots.lines(waits, days, title=say("waits"), unit=""),
            ("day", "series_p50", "series_p95"),
            [
                (day, *(minutes(w) for w in (d.wait or (None, None))))
                for day, d in zip(days, figures.days, strict=True)
            ],
            hint="minutes",
            legend=(("blue", "series_p50"), ("orange", "series_p95")),
            empty=not any(d.wait for d in figures.days),
        ),
        plot(
            "by_category",
            plots.bars(
                [
                    (category(name, language), list(zip(kinds, map(float, counts), strict=True)))
                    for name, counts in figures.decisions.items()
                ],
                title=say("by_category"),
            ),
            ("category", "pass", "block", "escalate"),
            [(category(name, language), *counts) for name, counts in figures.decisions.items()],
            legend=(("good", "pass"), ("bad", "block"), ("warn", "escalate")),
            empty=not figures.decisions,
        ),
        plot(
            "rule_precision",
            plots.intervals(
                [(r.name, r.share, r.interval, f"{r.right} / {r.of}", r.alarm) for r in figures.rules[:14]],
                title=say("rule_precision"),
            ),
            ("hits", "right", "number"),
            [(r.name, r.right, r.of) for r in figures.rules],
            hint="rule_hint",
            empty=not figures.rules,
        ),
        plot(
            "queue_age",
            plots.columns([float(n) for n in figures.ages], ages, title=say("queue_age"), kind="blue"),
            ("age", "number"),
            list(zip(ages, figures.ages, strict=True)),
            empty=not any(figures.ages),
        ),
        plot(
            "handling",
            plots.lines(handling, days, title=say("handling")),
            ("day", "seconds"),
            [
                (day, "–" if d.handling is None else f"{d.handling:.0f}")
                for day, d in zip(days, figures.days, strict=True)
            ],
            hint="seconds",
            empty=not any(d.handling for d in figures.days),
        ),
    ]
