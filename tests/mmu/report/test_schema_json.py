"""`schema.json` and `schema.py` say the same."""

import copy
import json
from types import ModuleType
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from mmu.report.schema import Report
from mmu.report.schema_json import SCHEMA_FILE, main, report_schema


@pytest.fixture(scope="module")
def validator() -> Draft202012Validator:
    schema = json.loads(SCHEMA_FILE.read_text("utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def test_published_schema_is_the_one_of_the_classes() -> None:
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == report_schema(), (
        "run python -m mmu.report.schema_json"
    )
    assert main(["--check"]) == 0


def test_check_finds_a_stale_file(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "schema.json"
    stale.write_text("{}")
    monkeypatch.setattr("mmu.report.schema_json.SCHEMA_FILE", stale)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0


@pytest.mark.parametrize("name", ["rich", "failed", "empty", "partial", "sound", "still", "long", "hostile"])
def test_reports_satisfy_the_schema_and_survive_a_round_trip(
    sample: ModuleType, validator: Draft202012Validator, name: str
) -> None:
    report = getattr(sample, f"{name}_report")()
    text = report.to_json()
    assert [error.message for error in validator.iter_errors(json.loads(text))] == []
    assert Report.model_validate_json(text) == report


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("schema",), "mmu.report/2"),
        (("surprise",), 1),
        (("tags", 0, "score"), 1.5),
        (("tags", 0, "evidence"), []),
        (("tags", 0, "evidence", 0, "box"), [1, 2, 3]),
        (("moderation", "decision"), "maybe"),
        (("quality", "overall"), 101),
    ],
)
def test_schema_and_classes_refuse_the_same(
    sample: ModuleType, validator: Draft202012Validator, path: tuple[Any, ...], value: object
) -> None:
    data = copy.deepcopy(json.loads(sample.rich_report().to_json()))
    place = data
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert list(validator.iter_errors(data))
    with pytest.raises(ValueError, match=str(path[-1])):
        Report.model_validate_json(json.dumps(data))


def test_every_property_says_what_it_is() -> None:
    schema = report_schema()
    parts = {"Report": schema, **schema["$defs"]}
    silent = [
        f"{part}.{name}"
        for part, described in parts.items()
        for name, value in described.get("properties", {}).items()
        if not value.get("description")
    ]
    assert len(parts) > 20
    assert silent == []
