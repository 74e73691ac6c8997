"""Manifests: every row becomes a row of the job, or a bad row with its reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmu.errors import ConfigError
from pipelines.manifest import read_source
from pipelines.rows import BadRow, Row

pa = pytest.importorskip("pyarrow")


def rows_of(path: Path) -> list[Row | BadRow]:
    return list(read_source(str(path)))


def test_csv_with_topics_relative_and_absolute_uris(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_text(
        'uri,title,topics,likes\na.mp4,"猫, a cat","#猫 宠物,cat",3\ns3://b/c.mp4,,,\n/x/d.mp4,t,,\n',
        encoding="utf-8-sig",
    )
    rows = rows_of(path)
    assert rows == [
        Row(f"{tmp_path}/a.mp4", title="猫, a cat", topics=("猫", "宠物", "cat")),
        Row("s3://b/c.mp4"),
        Row("/x/d.mp4", title="t"),
    ]


def test_json_lines_name_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    lines = [
        json.dumps({"uri": "a.mp4", "topics": ["x", "y"], "bytes": 5, "version": "e1"}).encode(),
        b"{not json",
        b"[1, 2]",
        b'{"title": "no uri"}',
        b'{"uri": 7}',
        b'{"uri": "b.mp4", "topics": {"a": 1}}',
        b'{"uri": "c.mp4", "bytes": -1}',
        b'{"uri": "d\xff.mp4"}',
        b'{"uri": "\\ud800.mp4"}',
        b"",
    ]
    path.write_bytes(b"\n".join(lines))
    good, *bad = rows_of(path)
    assert good == Row(f"{tmp_path}/a.mp4", 5, "e1", "", ("x", "y"))
    assert all(isinstance(row, BadRow) for row in bad)
    reasons = [row.reason for row in bad if isinstance(row, BadRow)]
    expected = [
        "not valid JSON",
        "not a JSON object",
        "no uri",
        "not text",
        "topics is",
        "out of range",
        "not valid JSON",
        "UTF-8",
    ]
    assert len(reasons) == len(expected)
    for reason, part in zip(reasons, expected, strict=True):
        assert part in reason
    assert next(row.where for row in bad if isinstance(row, BadRow)).endswith("list.jsonl:2")
    assert len({row.key for row in bad}) == len(bad)


def test_parquet_and_a_glob_of_manifests(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    table = pa.table({"uri": ["a.mp4", None], "topics": pa.array([["x"], []]), "other": [1, 2]})
    pq.write_table(table, tmp_path / "one.parquet")
    pq.write_table(pa.table({"uri": ["b.mp4"]}), tmp_path / "two.parquet")
    rows = list(read_source(f"{tmp_path}/*.parquet"))
    assert {row.uri for row in rows if isinstance(row, Row)} == {f"{tmp_path}/a.mp4", f"{tmp_path}/b.mp4"}
    assert [row.reason for row in rows if isinstance(row, BadRow)] == ["no uri"]


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("list.csv", b"url,title\na,b\n", "no column `uri`; its columns are url, title"),
        ("list.csv", b"", "no column `uri`; its columns are none"),
        ("list.parquet", b"PAR1 not really", "Parquet"),
    ],
)
def test_a_useless_manifest_is_an_error(tmp_path: Path, name: str, data: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ConfigError, match=message):
        rows_of(tmp_path / name)


def test_a_missing_manifest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such manifest"):
        rows_of(tmp_path / "absent.csv")


def test_csv_rows_with_too_many_fields(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("uri,title\na.mp4,t\nb.mp4,t,u,v\n")
    _, bad = rows_of(tmp_path / "list.csv")
    assert isinstance(bad, BadRow)
    assert bad.reason == "more fields than columns"


def test_the_key_changes_with_words_and_version() -> None:
    keys = {
        Row("a").key,
        Row("a", 1).key,
        Row("a", 1, "v").key,
        Row("a", title="t").key,
        Row("a", topics=("t",)).key,
    }
    assert len(keys) == 5
    assert Row.from_json(json.loads(json.dumps(Row("a", 1, "v", "t", ("x",)).to_json()))) == Row(
        "a", 1, "v", "t", ("x",)
    )
