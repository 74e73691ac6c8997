"""What the timeline of the page shows: signals and findings sorted into lanes.

A lane has rows, a row has blocks. A block is
`{start, end, label, score, signal, box, boxes, source}`; `boxes` follow a
moving thing as [[t, x, y, w, h], ...].
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from mmu.report.names import Names, vocabulary_of
from mmu.report.schema import Report

Block = dict[str, Any]
Lane = dict[str, Any]

#: rows that a lane shows at most; the longest-lasting ones win
MAX_ROWS = 8
#: text lines that are visible at once are stacked up to this depth
MAX_STACK = 4


def build_lanes(report: Report, names: Names) -> list[Lane]:
    """All lanes that have something to show, in reading order."""
    by_kind: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for signal in report.signals:
        if isinstance(signal.get("kind"), str):
            by_kind[signal["kind"]].append(signal)
    by_id = {signal["id"]: signal for signal in report.signals if isinstance(signal.get("id"), str)}
    heard = by_kind["audio.segment"] + by_kind["audio.event"]
    if by_kind["music.segment"]:  # it has a lane of its own
        heard = [signal for signal in heard if signal.get("value") != "music"]
    lanes = [
        _lane("shots", "media", [_row("", _blocks(by_kind["media.shot"]))]),
        _lane("faces", "face", _people(report, by_id)),
        _lane("objects", "image", _by_value(by_kind["image.object"] or by_kind["image.label"], names)),
        _lane("text", "text", _stacked(_text(report, by_id))),
        _lane("speech", "speech", [_row("", _speech(report))]),
        _lane("sound", "audio", _by_value(heard, names)),
        _lane("music", "music", [_row("", _blocks(by_kind["music.segment"]))]),
    ]
    return [lane for lane in lanes if lane["rows"]]


def boxes_of(signal: dict[str, Any] | None) -> list[list[float]]:
    """The moving box of a signal, sorted by time; empty when it has none that can be drawn."""
    attributes = (signal or {}).get("attributes")
    rows = attributes.get("boxes") if isinstance(attributes, dict) else None
    if not isinstance(rows, list):
        return []
    good = [[float(v) for v in row] for row in rows if _numbers(row, 5)]
    return sorted(good)


def span_of(signal: dict[str, Any] | None) -> tuple[float, float] | None:
    """The span of a signal in seconds, or None."""
    span = (signal or {}).get("span")
    return (float(span[0]), float(span[1])) if _numbers(span, 2) else None  # type: ignore[index]


def box_of(signal: dict[str, Any] | None) -> list[float] | None:
    """The box of a signal in pixels [x, y, w, h], or None."""
    box = (signal or {}).get("box")
    return [float(v) for v in box] if _numbers(box, 4) else None  # type: ignore[union-attr]


def _numbers(value: object, count: int) -> bool:
    return (
        isinstance(value, list | tuple)
        and len(value) == count
        and all(isinstance(v, int | float) and math.isfinite(v) for v in value)
    )


def _lane(lane_id: str, axis: str, rows: Iterable[dict[str, Any]]) -> Lane:
    return {"id": lane_id, "axis": axis, "rows": [row for row in rows if row["blocks"]]}


def _row(name: Any, blocks: list[Block]) -> dict[str, Any]:
    return {"name": name, "blocks": sorted(blocks, key=lambda block: (block["start"], block["end"]))}


def _block(signal: dict[str, Any], label: str | None = None) -> Block | None:
    span = span_of(signal)
    if span is None:
        return None
    value = signal.get("value")
    return {
        "start": span[0],
        "end": max(span),
        "label": label if label is not None else "" if value is None else str(value),
        "score": signal.get("score"),
        "signal": signal.get("id"),
        "box": box_of(signal),
        "boxes": boxes_of(signal),
        "source": signal.get("source"),
    }


def _blocks(signals: Iterable[dict[str, Any]]) -> list[Block]:
    return [block for signal in signals if (block := _block(signal)) is not None]


def _people(report: Report, by_id: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    rows = []
    for person in sorted(report.people, key=lambda item: -item.seconds)[:MAX_ROWS]:
        tracks = [by_id.get(signal) for signal in person.signals]
        boxes = sorted(row for track in tracks for row in boxes_of(track))
        blocks: list[Block] = [
            {
                "start": start,
                "end": end,
                "label": person.id,
                "box": person.box,
                "boxes": [row for row in boxes if start - 0.5 <= row[0] <= end + 0.5],
            }
            for start, end in person.spans
        ]
        rows.append(_row(person.id, blocks))
    return rows


def _by_value(signals: list[dict[str, Any]], names: Names) -> list[dict[str, Any]]:
    """One row a label, the longest-lasting first; a row's name is the concept's where one is known."""
    groups: dict[str, list[Block]] = defaultdict(list)
    titles: dict[str, dict[str, str]] = {}
    for signal in signals:
        block = _block(signal)
        if block is None:
            continue
        groups[block["label"]].append(block)
        if block["label"] not in titles:
            name = names.label(vocabulary_of(signal), block["label"])
            if name:
                titles[block["label"]] = name
    ranked = sorted(groups, key=lambda label: -sum(b["end"] - b["start"] for b in groups[label]))
    return [_row(titles.get(label, label), groups[label]) for label in ranked[:MAX_ROWS]]


def _text(report: Report, by_id: dict[str, dict[str, Any]]) -> list[Block]:
    return [
        {
            "start": line.start,
            "end": max(line.start, line.end),
            "label": line.text,
            "score": line.score,
            "signal": line.signal,
            "box": line.box,
            "boxes": boxes_of(by_id.get(line.signal)),
        }
        for line in report.on_screen_text
    ]


def _speech(report: Report) -> list[Block]:
    return [
        {
            "start": segment.start,
            "end": max(segment.start, segment.end),
            "label": segment.text,
            "score": segment.score,
            "signal": segment.signal,
        }
        for segment in report.transcript
    ]


def _stacked(blocks: list[Block]) -> list[dict[str, Any]]:
    """Blocks packed into few rows so that those visible at once lie below each other."""
    rows: list[list[Block]] = []
    for block in sorted(blocks, key=lambda item: (item["start"], item["end"])):
        free = next((row for row in rows if row[-1]["end"] <= block["start"] + 1e-6), None)
        if free is None and len(rows) < MAX_STACK:
            free = []
            rows.append(free)
        if free is None:
            free = min(rows, key=lambda row: float(row[-1]["end"]))
        free.append(block)
    return [_row("", row) for row in rows]
