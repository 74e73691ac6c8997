"""The published JSON Schema of the report: `python -m mmu.report.schema_json` rewrites it.

The schema describes what a reader must accept (JSON Schema 2020-12): fields
with a default may be absent. `--check` changes nothing and exits 1 when the
file and the classes differ.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmu.report.schema import SCHEMA, Report

SCHEMA_FILE = Path(__file__).with_name("schema.json")


def report_schema() -> dict[str, Any]:
    """The JSON Schema of `mmu.report/1`, generated from the pydantic classes."""
    schema = Report.model_json_schema(by_alias=True, mode="validation")
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:{SCHEMA.replace('/', ':')}",
        "title": SCHEMA,
    }
    return head | {key: value for key, value in schema.items() if key not in head}


def schema_text() -> str:
    """The file's exact content."""
    return json.dumps(report_schema(), ensure_ascii=False, indent=2) + "\n"


def main(argv: list[str] | None = None) -> int:
    """Write `schema.json`, or with `--check` say whether it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m mmu.report.schema_json", description=__doc__)
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 when out of date")
    args = parser.parse_args(argv)
    text = schema_text()
    if args.check:
        current = SCHEMA_FILE.read_text("utf-8") if SCHEMA_FILE.exists() else ""
        if current != text:
            print(f"{SCHEMA_FILE} is out of date: run python -m mmu.report.schema_json", file=sys.stderr)
            return 1
        return 0
    SCHEMA_FILE.write_text(text, "utf-8")
    print(SCHEMA_FILE)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
