"""The published JSON Schema of the feed: `python -m mmu.moderation.queue.schema_json` rewrites it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from mmu.moderation.queue.task import EVENT_SCHEMA, Event

SCHEMA_FILE = Path(__file__).with_name("event.schema.json")


def event_schema() -> dict[str, Any]:
    """The JSON Schema of `mmu.review-event/1`, as a reader meets it."""
    schema = Event.model_json_schema(by_alias=True, mode="validation")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{EVENT_SCHEMA.replace('/', ':')}",
        "title": EVENT_SCHEMA,
    }
    return head | {key: value for key, value in schema.items() if key not in head}


def schema_text() -> str:
    """The file's exact content."""
    return json.dumps(event_schema(), ensure_ascii=False, indent=2) + "\n"


if __name__ == "__main__":
    SCHEMA_FILE.write_text(schema_text(), "utf-8")
    print(SCHEMA_FILE)
