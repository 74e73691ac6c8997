"""The Parquet tables of a job: their schemas, and the rows made from a report.

`reports` has one row a video that was read, `dead_letters` one row a video that was not; every row of
the source is in exactly one of the two. `signals` and `embeddings` have many rows a report.
Times are UTC, seconds are seconds, boxes are pixels of the source frame.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa

from mmu.errors import StoreError
from mmu.outcome import Outcome
from mmu.report.schema import Report
from mmu.signals import OPEN_EMBEDDINGS
from pipelines.rows import BadRow, Row

#: of the schemas below, in every row and in every file's metadata; 1 had no column for it
VERSION = 2
_MARK = "mmu.schema"
_META = {_MARK: f"mmu.tables/{VERSION}"}

_text, _number, _whole = pa.string(), pa.float64(), pa.int64()
_TAG = pa.struct({"id": _text, "zh": _text, "en": _text, "facet": _text, "score": _number})
_TOPIC = pa.struct({"topic": _text, "action": _text, "canonical": _text, "reason": _text, "score": _number})
_HIT = pa.struct({"rule": _text, "category": _text, "severity": _whole, "score": _number, "axis": _text})
_STAGE = pa.struct({"name": _text, "outcome": _text, "seconds": _number})
_SIGNAL = {
    "signal": _text,
    "kind": _text,
    "value": _text,
    "number": _number,
    "score": _number,
    "start": _number,
    "end": _number,
    "x": _number,
    "y": _number,
    "w": _number,
    "h": _number,
    "track": _text,
    "source": _text,
    "attributes": _text,
}
_EMBEDDING = {"of": _text, "subject": _text, "vector": pa.list_(pa.float32())}
#: what every row of every table has
_JOIN = {"key": _text, "id": _text, "pipeline": _text, "schema_version": _whole}
_HEAD = _JOIN | {"uri": _text, "finished_at": pa.timestamp("ms", "UTC")}
_REPORT = {
    "outcome": _text,
    "title": _text,
    "user_topics": pa.list_(_text),
    "duration": _number,
    "width": _whole,
    "height": _whole,
    "bytes": _whole,
    "category": _text,
    "category_score": _number,
    "tags": pa.list_(_TAG),
    "caption_zh": _text,
    "caption_en": _text,
    "emotion": _text,
    "quality": _number,
    "topics": pa.list_(_TOPIC),
    "decision": _text,
    "priority": _number,
    "hits": pa.list_(_HIT),
    "language": _text,
    "speech": _text,
    "screen_text": _text,
    "people": _whole,
    "errors": _text,
    "stages": pa.list_(_STAGE),
    "report": _text,
}
_DEAD = {
    "code": _text,
    "reason": _text,
    "stage": _text,
    "attempts": _whole,
    "row": _text,
    "report": _text,
}

REPORTS = pa.schema(_HEAD | _REPORT, metadata=_META)
DEAD_LETTERS = pa.schema(_HEAD | _DEAD, metadata=_META)
SIGNALS = pa.schema(_JOIN | _SIGNAL, metadata=_META)
EMBEDDINGS = pa.schema(_JOIN | _EMBEDDING, metadata=_META)
#: what workers write: a report or a dead letter a row, with its signals and embeddings inside
PART = pa.schema(
    _HEAD
    | {"dead": pa.bool_()}
    | _REPORT
    | _DEAD
    | {"signals": pa.list_(pa.struct(_SIGNAL)), "embeddings": pa.list_(pa.struct(_EMBEDDING))},
    metadata=_META,
)
TABLES = {"reports": REPORTS, "signals": SIGNALS, "embeddings": EMBEDDINGS, "dead_letters": DEAD_LETTERS}


def version_of(schema: pa.Schema) -> int | None:
    """The version of a table's schema, by its file's metadata; None when it is no table of this program."""
    name, _, number = (schema.metadata or {}).get(_MARK.encode(), b"").decode().partition("/")
    return int(number) if name == "mmu.tables" and number.isdecimal() else None


def conform(table: pa.Table, schema: pa.Schema, columns: Mapping[str, pa.Array] | None = None) -> pa.Table:
    """A table of this version or an older one in a schema of this version: what it lacks is null.

    Args:
        columns: instead of the table's own.

    Raises:
        StoreError: it was written by a newer version, or by another program.
    """
    version = version_of(table.schema)
    if version is None:
        raise StoreError(f"not a table of this program: its metadata have no {_MARK}")
    if version > VERSION:
        raise StoreError(f"written by a newer version (mmu.tables/{version}; this one reads up to {VERSION})")
    found = dict(zip(table.column_names, table.columns, strict=True)) if columns is None else columns
    rows = len(next(iter(found.values()))) if found else 0
    empty = {"schema_version": pa.array([version] * rows, _whole)} if "schema_version" not in found else {}
    made = [
        found[field.name].cast(field.type)
        if field.name in found
        else empty.get(field.name, pa.nulls(rows, field.type))
        for field in schema
    ]
    return pa.table(made, schema=schema)


def report_row(row: Row, report: Report, *, attempts: int = 1) -> dict[str, Any]:
    """The row of a part for a report; one that failed is a dead letter with the report in it."""
    if report.outcome is Outcome.FAILED:
        first = report.errors[0] if report.errors else None
        return dead_row(
            row,
            code=first.code if first else "failed",
            reason=first.message if first else "no stage gave a result",
            stage=first.where if first else "",
            pipeline=report.pipeline,
            attempts=attempts,
            report=report,
        )
    embeddings = _take_embeddings(report)
    media, moderation = report.media, report.moderation
    video = media.video if media else None
    return _head(row.key, report.id, row.uri, report.pipeline) | {
        "dead": False,
        "outcome": report.outcome.value,
        "title": row.title,
        "user_topics": list(row.topics),
        "duration": media.duration if media else None,
        "width": video.width if video else None,
        "height": video.height if video else None,
        "bytes": media.bytes if media else row.bytes,
        "category": report.category.id if report.category else None,
        "category_score": report.category.score if report.category else None,
        "tags": [
            {"id": tag.id, "zh": tag.name.zh, "en": tag.name.en, "facet": tag.facet, "score": tag.score}
            for tag in report.tags
        ],
        "caption_zh": report.caption.text.zh if report.caption else None,
        "caption_en": report.caption.text.en if report.caption else None,
        "emotion": report.emotion.label if report.emotion else None,
        "quality": report.quality.overall if report.quality else None,
        "topics": [topic.model_dump(include=set(_TOPIC.names)) for topic in report.topics],
        "decision": moderation.decision if moderation else None,
        "priority": moderation.priority if moderation else None,
        "hits": [hit.model_dump(include=set(_HIT.names)) for hit in moderation.hits] if moderation else [],
        "language": report.language,
        "speech": "\n".join(segment.text for segment in report.transcript),
        "screen_text": "\n".join(line.text for line in report.on_screen_text),
        "people": len(report.people),
        "errors": "; ".join(f"{error.where}: {error.message}" for error in report.errors),
        "stages": [
            {"name": stage.name, "outcome": stage.outcome.value, "seconds": stage.seconds}
            for stage in report.stages
        ],
        "report": report.to_json(indent=None),
        "signals": [_signal_row(signal) for signal in report.signals],
        "embeddings": embeddings,
        "attempts": attempts,
    }


def dead_row(
    row: Row,
    *,
    code: str,
    reason: str,
    stage: str = "",
    pipeline: str = "",
    attempts: int = 1,
    report: Report | None = None,
) -> dict[str, Any]:
    """The row of a part for a video that gave no report."""
    return _head(row.key, report.id if report else "", row.uri, pipeline) | {
        "dead": True,
        "code": code,
        "reason": reason,
        "stage": stage,
        "attempts": attempts,
        "row": json.dumps(row.to_json(), ensure_ascii=False),
        "report": report.to_json(indent=None) if report else None,
    }


def bad_row(bad: BadRow, pipeline: str) -> dict[str, Any]:
    """The row of a part for a row that names no video."""
    return _head(bad.key, "", bad.where, pipeline) | {
        "dead": True,
        "code": "bad_row",
        "reason": f"{bad.reason}: {bad.text}" if bad.text else bad.reason,
        "stage": "source",
        "attempts": 1,
        "row": None,
    }


def _head(key: str, sha256: str, uri: str, pipeline: str) -> dict[str, Any]:
    return {
        "key": key,
        "id": sha256,
        "uri": uri,
        "pipeline": pipeline,
        "schema_version": VERSION,
        "finished_at": datetime.now(UTC),
    }


def _signal_row(signal: dict[str, Any]) -> dict[str, Any]:
    value, span, box = signal["value"], signal["span"] or (None, None), signal["box"] or (None,) * 4
    number = value if isinstance(value, int | float) else None
    attributes = signal.get("attributes")
    return {
        "signal": signal["id"],
        "kind": signal["kind"],
        "value": None if value is None else str(value),
        "number": number,
        "score": signal["score"],
        "start": span[0],
        "end": span[1],
        **dict(zip("xywh", box, strict=True)),
        "track": signal["track"],
        "source": signal["source"],
        "attributes": json.dumps(attributes, ensure_ascii=False) if attributes else None,
    }


def _take_embeddings(report: Report) -> list[dict[str, Any]]:
    """The embeddings of a report; those of faces and voices are taken out of it and kept apart."""
    found = []
    for of, subjects in (("person", report.people), ("speaker", report.speakers)):
        for subject in subjects:
            if subject.embedding is not None:
                found.append({"of": of, "subject": subject.id, "vector": list(subject.embedding)})
                subject.embedding = None
    for signal in report.signals:
        open_one = signal["kind"] in OPEN_EMBEDDINGS
        packed = signal.get("embedding") if open_one else signal.pop("embedding", None)
        if packed is not None:
            vector = np.frombuffer(base64.b64decode(packed), "<f2").astype(np.float32)
            found.append({"of": "signal", "subject": signal["id"], "vector": vector.tolist()})
    return found
