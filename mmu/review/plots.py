"""Plots as SVG, drawn here: no script, no inline style; colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from markupsafe import Markup

_WIDTH, _HEIGHT = 640, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 12, 14, 26


def lines(
    series: Sequence[tuple[str, Sequence[float | None]]], labels: Sequence[str], *, title: str, unit: str = ""
) -> Markup:
    """Lines over equal steps. Each series is (colour class, values); None is a gap."""
    top = nice(max((v for _, values in series for v in values if v is not None), default=0.0))
    parts = _frame(top, unit)
    wide = _WIDTH - _LEFT - _RIGHT
    step = wide / max(1, len(labels) - 1)
    every = max(1, -(-len(labels) // 8))
    for k, label in enumerate(labels):
        if k % every == 0:
            parts.append(_text(_LEFT + k * step, _HEIGHT - 8, label, "middle"))
    for kind, values in series:
        pen, path = "M", []
        for k, value in enumerate(values):
            if value is None:
                pen = "M"
                continue
            x, y = _LEFT + k * step, _y(value, top)
            path.append(f"{pen}{x:.1f} {y:.1f}")
            pen = "L"
            parts.append(f'<circle class="{kind}" cx="{x:.1f}" cy="{y:.1f}" r="3"/>')
        parts.append(f'<path class="line {kind}" d="{" ".join(path)}"/>')
    return _svg(parts, title)


def columns(values: Sequence[float], labels: Sequence[str], *, title: str, kind: str = "one") -> Markup:
    """One column a label, with its number on top."""
    top = nice(max(values, default=0.0))
    parts = _frame(top, "")
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(values))
    for k, (value, label) in enumerate(zip(values, labels, strict=True)):
        x, y = _LEFT + (k + 0.18) * step, _y(value, top)
        place = f'x="{x:.1f}" y="{y:.1f}" width="{0.64 * step:.1f}" height="{_HEIGHT - _BOTTOM - y:.1f}"'
        parts.append(f'<rect class="{kind}" {place} rx="3"/>')
        parts.append(_text(x + 0.32 * step, y - 4, f"{value:,.0f}", "middle", "value"))
        parts.append(_text(x + 0.32 * step, _HEIGHT - 8, label, "middle"))
    return _svg(parts, title)


def bars(rows: Sequence[tuple[str, Sequence[tuple[str, float]]]], *, title: str) -> Markup:
    """Stacked horizontal bars: (name, [(colour class, value), …]), with the sum at the end."""
    top = max((sum(v for _, v in parts) for _, parts in rows), default=0.0) or 1.0
    height, name, wide = 26 * len(rows) + 8, 190, 640 - 190 - 56
    out = []
    for k, (label, parts) in enumerate(rows):
        y, x = 6 + 26 * k, float(name)
        out.append(_text(name - 10, y + 13, label, "end", "name"))
        for kind, value in parts:
            length = wide * value / top
            if value:
                out.append(
                    f'<rect class="{kind}" x="{x:.1f}" y="{y}" width="{length:.1f}" height="17" rx="2"/>'
                )
            x += length
        out.append(_text(x + 6, y + 13, f"{sum(v for _, v in parts):,.0f}", "start", "value"))
    return _svg(out, title, height)


def intervals(rows: Sequence[tuple[str, float, tuple[float, float], str, bool]], *, title: str) -> Markup:
    """Shares with their interval: (name, share, (low, high), note, alarm)."""
    height, name, wide = 26 * len(rows) + 26, 190, 640 - 190 - 110
    ticks = [name + wide * k / 4 for k in range(5)]
    out = [f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="4" y2="{height - 20}"/>' for x in ticks]
    out += [_text(name + wide * k / 4, height - 5, f"{25 * k}%", "middle") for k in range(5)]
    for k, (label, share, (low, high), note, alarm) in enumerate(rows):
        y, kind = 15 + 26 * k, "bad" if alarm else "one"
        out.append(_text(name - 10, y + 4, label, "end", "name"))
        place = f'x1="{name + wide * low:.1f}" x2="{name + wide * high:.1f}" y1="{y}" y2="{y}"'
        out.append(f'<line class="whisker {kind}" {place}/>')
        out.append(f'<circle class="{kind}" cx="{name + wide * share:.1f}" cy="{y}" r="5"/>')
        out.append(_text(name + wide + 10, y + 4, note, "start", "value"))
    return _svg(out, title, height)


def nice(top: float) -> float:
    """A round number at or above `top`, for the end of an axis."""
    if top <= 0:
        return 1.0
    size = 10.0 ** (len(str(int(top))) - 1 if top >= 1 else -3)
    while size * 10 <= top:
        size *= 10
    return next(size * k for k in (1, 2, 3, 4, 5, 6, 8, 10) if size * k >= top * 0.9999)


def _frame(top: float, unit: str) -> list[str]:
    parts = []
    for k in range(5):
        value = top * k / 4
        y = _y(value, top)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_text(_LEFT - 7, y + 4, f"{value:,.4g}{unit}", "end"))
    return parts


def _y(value: float, top: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _BOTTOM - _TOP) * value / top


def _text(x: float, y: float, text: str, anchor: str, kind: str = "tick") -> str:
    short = text if len(text) <= 24 else text[:23] + "…"
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(short)}</text>'


def _svg(parts: Sequence[str], title: str, height: int = _HEIGHT) -> Markup:
    head = f'<svg class="plot" viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{escape(title)}">'
    return Markup(head + "".join(parts) + "</svg>")
