"""Small plots as SVG text: lines over time and horizontal bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

WIDTH, LINE_HEIGHT, BAR = 720, 220, 24
LEFT, BOTTOM, TOP = 56, 28, 12
#: part of a bar plot's width for its labels, and for the numbers after the bars
LABELS, NUMBERS = 190, 110


def line_plot(points: Sequence[tuple[float, float]], *, unit: str, colour: str = "#2563eb") -> str:
    """A filled line of (seconds, value) points from zero up."""
    if len(points) < 2:
        return '<p class="none">too short to plot</p>'
    end = max(1e-9, points[-1][0])
    top = nice(max(value for _, value in points))
    wide, high = WIDTH - LEFT - 12, LINE_HEIGHT - TOP - BOTTOM

    def place(seconds: float, value: float) -> str:
        return f"{LEFT + wide * seconds / end:.1f},{TOP + high * (1 - value / top):.1f}"

    line = " ".join(place(*point) for point in points)
    area = f"{place(points[0][0], 0)} {line} {place(end, 0)}"
    grid = []
    for part in range(5):
        value, y = top * part / 4, TOP + high * (1 - part / 4)
        grid.append(f'<line x1="{LEFT}" x2="{WIDTH - 12}" y1="{y:.1f}" y2="{y:.1f}" class="grid"/>')
        grid.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{value:.3g}</text>')
        seconds = end * part / 4
        anchor = "start" if part == 0 else "end" if part == 4 else "middle"
        x = LEFT + wide * part / 4
        grid.append(
            f'<text x="{x:.1f}" y="{LINE_HEIGHT - 8}" text-anchor="{anchor}">{_clock(seconds)}</text>'
        )
    return (
        f'<svg viewBox="0 0 {WIDTH} {LINE_HEIGHT}" role="img" aria-label="{escape(unit)}">{"".join(grid)}'
        f'<polygon points="{area}" fill="{colour}" opacity="0.12"/>'
        f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/></svg>'
    )


def bar_plot(items: Sequence[tuple[str, float]], *, unit: str, colour: str = "#2563eb") -> str:
    """Horizontal bars, labelled with names and numbers, in the order given."""
    if not items:
        return '<p class="none">none</p>'
    most = max(1e-9, *(value for _, value in items))
    total = sum(value for _, value in items) or 1.0
    wide = WIDTH - LABELS - NUMBERS
    rows = []
    for number, (name, value) in enumerate(items):
        y = number * BAR
        text = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
        rows.append(
            f'<text x="{LABELS - 8}" y="{y + 16}" text-anchor="end">{escape(name[:28])}</text>'
            f'<rect x="{LABELS}" y="{y + 4}" width="{max(1.0, wide * value / most):.1f}" height="{BAR - 8}" '
            f'rx="3" fill="{colour}"/>'
            f'<text x="{LABELS + wide * value / most + 8:.1f}" y="{y + 16}">{text} {escape(unit)}'
            f" · {100 * value / total:.0f}%</text>"
        )
    height = len(items) * BAR + 4
    return f'<svg viewBox="0 0 {WIDTH} {height}" role="img" aria-label="{escape(unit)}">{"".join(rows)}</svg>'


def nice(value: float) -> float:
    """The next of 1, 2, 5 times a power of ten."""
    if value <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 2.5, 5, 10) if step * power >= value * 0.999)


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
