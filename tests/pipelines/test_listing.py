"""Listings stream, whatever their size."""

from __future__ import annotations

import os
from pathlib import Path

import fsspec
import pytest

from mmu.errors import ConfigError
from pipelines.listing import list_files
from pipelines.rows import BadRow, Row


def names(source: str, pattern: str = "*") -> set[str]:
    return {Path(row.uri).name for row in list_files(source, pattern) if isinstance(row, Row)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / ".git").mkdir()
    for name in ("small.mp4", "deep/big.mp4", "deep/er/x.mkv", ".hidden", ".git/config", "[1].mp4"):
        (tmp_path / name).write_bytes(b"1" * len(name))
    return tmp_path


def test_a_folder_deep_without_hidden_files(folder: Path) -> None:
    assert names(str(folder)) == {"small.mp4", "big.mp4", "x.mkv", "[1].mp4"}
    assert names(str(folder), "*.mp4") == {"small.mp4", "big.mp4", "[1].mp4"}
    assert names(str(folder / "small.mp4")) == {"small.mp4"}
    row = next(iter(list_files(str(folder / "small.mp4"))))
    assert isinstance(row, Row)
    assert row.bytes == 9
    assert row.version


def test_a_file_has_one_name(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its name is what tells whether it was done before."""

    def rows(source: str) -> set[str]:
        return {row.uri for row in list_files(source) if isinstance(row, Row)}

    expected = rows(str(folder))
    assert len(expected) == 4
    monkeypatch.chdir(folder / "deep")
    for source in ("..", "../", f"{folder}/deep/..", f"{folder}//", f"file://{folder}", "../deep/../**/*"):
        assert rows(source) == expected, source


def test_globs(folder: Path) -> None:
    assert names(f"{folder}/*.mp4") == {"small.mp4", "[1].mp4"}
    assert names(f"{folder}/**/*.m*") == {"small.mp4", "big.mp4", "x.mkv", "[1].mp4"}
    assert names(f"{folder}/deep/*/x.???") == {"x.mkv"}
    assert names(f"{folder}/[1].mp4") == {"[1].mp4"}


def test_another_store() -> None:
    memory = fsspec.filesystem("memory")
    for name in ("/lst/a.mp4", "/lst/deep/b.mp4"):
        memory.pipe_file(name, b"123")
    rows = [row for row in list_files("memory://lst") if isinstance(row, Row)]
    assert {(row.uri, row.bytes) for row in rows} == {
        ("memory:///lst/a.mp4", 3),
        ("memory:///lst/deep/b.mp4", 3),
    }


def test_what_is_wrong_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nothing at"):
        list(list_files(str(tmp_path / "absent")))
    with pytest.raises(ConfigError, match="cannot open"):
        list(list_files("warp://bucket/x"))


def test_a_name_that_is_not_utf8(tmp_path: Path) -> None:
    (tmp_path / "good.mp4").write_bytes(b"1")
    (tmp_path / os.fsdecode(b"bad\xff.mp4")).touch()
    rows = list(list_files(str(tmp_path)))
    assert [row.reason for row in rows if isinstance(row, BadRow)] == [
        "the file's name is not valid UTF-8; rename it"
    ]
    assert len(rows) == 2
