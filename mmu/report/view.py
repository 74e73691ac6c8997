"""The report as the page needs it: plain data, no embeddings, only the signals that are pointed at."""

from __future__ import annotations

import json
from typing import Any

from mmu.report.lanes import box_of, boxes_of, build_lanes, span_of
from mmu.report.names import Names
from mmu.report.schema import Report

#: an `image.explicit` signal from this probability on is covered
EXPLICIT_SCORE = 0.5
#: moderation hits in the picture from this severity on are covered
COVER_SEVERITY = 3
#: seconds covered before and after
COVER_MARGIN = 0.5


def page_data(report: Report) -> dict[str, Any]:
    """Everything the page draws, JSON-ready. Biometric embeddings and frame hashes stay out."""
    names = Names()
    data: dict[str, Any] = json.loads(report.to_json(indent=None))
    for bearer in (*data["people"], *data["speakers"]):
        bearer.pop("embedding", None)
    for segment in data["transcript"]:
        segment.pop("words", None)
    if data["originality"]:
        data["originality"] = {
            "algorithm": data["originality"]["algorithm"],
            "frames": len(data["originality"]["frames"]),
        }
    data["signals"] = _signals(report)
    data["signal_count"] = len(report.signals)
    data["sources"] = _sources(report)
    data["lanes"] = build_lanes(report, names)
    data["covers"] = covers(report)
    data["duration"] = _duration(report, data["lanes"])
    data["names"] = names.used_in(report)
    return data


def covers(report: Report) -> list[list[float]]:
    """Time ranges in seconds whose picture is covered until the reader asks for it.

    A still picture, or a hit without a span, covers everything.
    """
    ranges: list[tuple[float, float] | None] = []
    for signal in report.signals:
        score = signal.get("score")
        if (
            signal.get("kind") == "image.explicit"
            and isinstance(score, int | float)
            and score >= EXPLICIT_SCORE
        ):
            ranges.append(span_of(signal))
    hits = report.moderation.hits if report.moderation else []
    ranges += [hit.span for hit in hits if hit.axis == "image" and hit.severity >= COVER_SEVERITY]
    if not ranges:
        return []
    if None in ranges or (report.media is not None and report.media.still):
        return [[0.0, 1e9]]
    merged: list[list[float]] = []
    for start, end in sorted(span for span in ranges if span is not None):
        start, end = max(0.0, start - COVER_MARGIN), end + COVER_MARGIN
        if merged and start <= merged[-1][1]:
            merged[-1][1] = max(merged[-1][1], end)
        else:
            merged.append([start, end])
    return merged


def _signals(report: Report) -> dict[str, dict[str, Any]]:
    """What evidence and findings point at: signal id -> its source, score and moving box."""
    wanted = {evidence.signal for tag in report.tags for evidence in tag.evidence}
    if report.emotion:
        wanted |= {evidence.signal for evidence in report.emotion.evidence}
    for one in report.contradictions:
        wanted |= {evidence.signal for side in (one.claimed, one.found) for evidence in side.evidence}
    if report.moderation:
        wanted |= {hit.signal for hit in report.moderation.hits if hit.signal}
    if report.caption:
        wanted |= set(report.caption.signals)
    return {
        signal["id"]: {
            "kind": str(signal.get("kind", "")),
            "value": signal.get("value"),
            "score": signal.get("score"),
            "source": str(signal.get("source", "")),
            "span": span_of(signal),
            "box": box_of(signal),
            "boxes": boxes_of(signal),
        }
        for signal in report.signals
        if isinstance(signal.get("id"), str) and signal["id"] in wanted
    }


def _sources(report: Report) -> dict[str, list[str]]:
    """Signal kind -> the networks and methods that made signals of it, in order of the alphabet."""
    found: dict[str, set[str]] = {}
    for signal in report.signals:
        kind, source = signal.get("kind"), signal.get("source")
        if isinstance(kind, str) and isinstance(source, str) and source:
            found.setdefault(kind, set()).add(source)
    return {kind: sorted(found[kind]) for kind in sorted(found)}


def _duration(report: Report, lanes: list[dict[str, Any]]) -> float:
    """Length of the time axis in seconds; without media facts, the end of the last block."""
    if report.media and report.media.duration > 0:
        return report.media.duration
    return max(
        (float(b["end"]) for lane in lanes for row in lane["rows"] for b in row["blocks"]), default=0.0
    )
