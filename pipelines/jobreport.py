"""What a job leaves to be read: `job/summary.json` and the page `job/report.html`."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from html import escape
from typing import Any

from pipelines.config import JobConfig
from pipelines.plots import bar_plot, line_plot
from pipelines.progress import Progress, clock
from pipelines.storage import Storage

#: bars of a plot
BARS = 15
_STYLE = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,"Noto Sans CJK SC",sans-serif;max-width:1080px;margin:0 auto;padding:24px;
color:#1f2937;background:#f8fafc}
h1{font-size:22px;margin:0}h2{font-size:15px;margin:0 0 8px}
.sub{color:#64748b;margin:2px 0 20px;overflow-wrap:anywhere}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin-bottom:16px}
.card,section{background:#fff;border:1px solid #e2e8f0;border-radius:10px;padding:14px 16px}
.card b{display:block;font-size:22px;font-weight:600;font-variant-numeric:tabular-nums}
.card span{color:#64748b}
.plots{display:grid;grid-template-columns:repeat(auto-fit,minmax(420px,1fr));gap:12px}
svg{width:100%;height:auto;display:block}svg text{font-size:12px;fill:#475569}.grid{stroke:#e2e8f0}
.none{color:#94a3b8}table{border-collapse:collapse;width:100%}td{padding:3px 8px 3px 0;overflow-wrap:anywhere}
td.n{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
@media(prefers-color-scheme:dark){body{background:#0f172a;color:#e2e8f0}
.card,section{background:#1e293b;border-color:#334155}
svg text{fill:#cbd5e1}.grid{stroke:#334155}}
@media(max-width:520px){.plots{grid-template-columns:1fr}}
"""


def write_job_report(storage: Storage, config: JobConfig, pipeline: str, progress: Progress) -> None:
    """Write both files, over those of an earlier run.

    Raises:
        StoreError: they cannot be written.
    """
    summary = {"pipeline": pipeline, "source": config.src, **progress.summary()}
    storage.write("job/summary.json", json.dumps(summary, ensure_ascii=False, indent=2).encode())
    storage.write("job/report.html", render(config, pipeline, progress).encode())


def render(config: JobConfig, pipeline: str, progress: Progress) -> str:
    """The page: no script, nothing loaded from elsewhere; every text of the job is escaped."""
    numbers = progress.numbers
    seconds = max(1e-9, progress.seconds)
    cards = [
        (f"{numbers.done:,}", "videos done"),
        (clock(seconds), "wall time"),
        (f"{numbers.done / seconds:.2f}/s", "videos a second"),
        (f"{numbers.media_seconds / seconds:.1f}", "hours of video an hour"),
        (f"{100 * progress.error_rate():.1f}%", "dead letters"),
        (f"{numbers.before:,}", "finished before"),
        (str(numbers.workers), "workers"),
        (str(numbers.deaths), "workers that died"),
    ]
    plots = [
        ("Videos a second", line_plot(_rate(progress.series, 1), unit="videos a second")),
        (
            "Hours of video an hour",
            line_plot(_rate(progress.series, 2), unit="hours an hour", colour="#0d9488"),
        ),
        ("Time by stage", bar_plot(numbers.stages.most_common(BARS), unit="s")),
        ("Outcomes", bar_plot(numbers.outcomes.most_common(), unit="", colour="#0d9488")),
        (
            "Dead letters by reason",
            bar_plot(numbers.codes.most_common(BARS), unit="", colour="#dc2626"),
        ),
        ("Moderation", bar_plot(numbers.decisions.most_common(), unit="", colour="#d97706")),
        ("Tags found", bar_plot(numbers.tags.most_common(BARS), unit="", colour="#7c3aed")),
        ("Slowest videos", _table(progress.slowest)),
    ]
    now = datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC")
    policy = "default-src 'none'; style-src 'unsafe-inline'"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Batch job</title>'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f'<meta http-equiv="Content-Security-Policy" content="{policy}"><style>{_STYLE}</style></head><body>'
        f'<h1>Batch job</h1><p class="sub">{escape(config.src)} → {escape(config.out)} · pipeline '
        f"{escape(pipeline)} · {now}</p>"
        f'<div class="cards">{"".join(_card(*card) for card in cards)}</div>'
        f'<div class="plots">{"".join(f"<section><h2>{title}</h2>{plot}</section>" for title, plot in plots)}'
        "</div></body></html>"
    )


def _card(value: str, name: str) -> str:
    return f'<div class="card"><b>{escape(value)}</b><span>{escape(name)}</span></div>'


def _table(slowest: list[tuple[float, str]]) -> str:
    rows = "".join(
        f'<tr><td class="n">{spent:.1f} s</td><td>{escape(uri)}</td></tr>' for spent, uri in slowest
    )
    return f"<table>{rows}</table>" if rows else '<p class="none">none</p>'


def _rate(series: list[tuple[float, int, float, int]], column: int) -> list[tuple[float, float]]:
    """Rates between points that lie at least a fortieth of the job apart."""
    if len(series) < 2:
        return []
    gap = series[-1][0] / 40
    found: list[tuple[float, float]] = []
    last: Any = series[0]
    for point in series[1:]:
        if point[0] - last[0] < max(gap, 1e-3) and point is not series[-1]:
            continue
        rate = (point[column] - last[column]) / max(1e-3, point[0] - last[0])
        found += [(last[0], rate)] if not found else []
        found.append((point[0], rate))
        last = point
    return found
