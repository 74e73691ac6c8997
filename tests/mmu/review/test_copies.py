"""A video that was moved is found by its content, inside the roots only."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from mmu.moderation.queue import Task
from mmu.report.schema import Report
from mmu.review import copies
from mmu.review.copies import Copies

BYTES = b"the bytes of a film"
DIGEST = hashlib.sha256(BYTES).hexdigest()


def test_a_file_is_found_by_its_content_whatever_its_name(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(BYTES[::-1])
    (tmp_path / "deep" / "down").mkdir(parents=True)
    moved = tmp_path / "deep" / "down" / "b"
    moved.write_bytes(BYTES)
    assert Copies([tmp_path]).find(DIGEST, len(BYTES)) == moved
    assert Copies([tmp_path]).find(DIGEST, len(BYTES) + 1) is None
    assert Copies([tmp_path]).find("0" * 64, len(BYTES)) is None


def test_links_out_of_the_folders_are_not_followed(tmp_path: Path) -> None:
    root, other = tmp_path / "root", tmp_path / "other"
    root.mkdir()
    other.mkdir()
    (other / "film").write_bytes(BYTES)
    (root / "file").symlink_to(other / "film")
    (root / "folder").symlink_to(other)
    os.mkfifo(root / "pipe")
    assert Copies([root]).find(DIGEST, len(BYTES)) is None
    assert Copies([root]).find(hashlib.sha256(b"").hexdigest(), 0) is None


def test_folders_are_listed_again_only_when_the_listing_is_old(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(copies, "FRESH", 3600.0)
    found = Copies([tmp_path])
    assert found.find(DIGEST, len(BYTES)) is None
    (tmp_path / "late").write_bytes(BYTES)
    assert found.find(DIGEST, len(BYTES)) is None
    monkeypatch.setattr(copies, "FRESH", 0.0)
    monkeypatch.setattr(copies, "FRESH_TIMES", 0.0)
    again = Copies([tmp_path])
    assert again.find(DIGEST, len(BYTES)) == tmp_path / "late"
    (tmp_path / "late").rename(tmp_path / "later")
    assert again.find(DIGEST, len(BYTES)) == tmp_path / "later"
    (tmp_path / "later").write_bytes(b"changed" * 3)
    assert again.find(DIGEST, len(BYTES)) is None


def test_a_file_is_hashed_once_and_not_all_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hashed: list[str] = []

    def digest(file: Any, name: str) -> Any:
        hashed.append(file.name)
        return real(file, name)

    real = hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", digest)
    for number in range(copies.MAX_HASHED):
        (tmp_path / f"{number}").write_bytes(BYTES[::-1])
    (tmp_path / "last").write_bytes(BYTES)
    found = Copies([tmp_path])
    assert found.find(DIGEST, len(BYTES)) is None
    assert len(hashed) == copies.MAX_HASHED
    assert found.find(DIGEST, len(BYTES)) == tmp_path / "last"
    assert found.find(DIGEST, len(BYTES)) == tmp_path / "last"
    assert len(hashed) == copies.MAX_HASHED + 1


def test_the_page_shows_a_video_that_was_moved(browser: Any, task: Task, root: Path) -> None:
    client = browser("reviewer")
    whole = (root / "launch.mp4").read_bytes()
    (root / "elsewhere").mkdir()
    (root / "launch.mp4").rename(root / "elsewhere" / "renamed.bin")
    answer = client.get(f"/media/{task.id}")
    assert (answer.status_code, answer.content) == (200, whole)
    assert answer.headers["content-type"] == "video/mp4"
    assert f"/media/{task.id}" in client.get(f"/items/{task.id}").text


def test_a_copy_outside_the_roots_is_not_shown(browser: Any, task: Task, root: Path, tmp_path: Path) -> None:
    (root / "launch.mp4").rename(tmp_path / "launch.mp4")
    (root / "link.mp4").symlink_to(tmp_path / "launch.mp4")
    client = browser("reviewer")
    assert client.get(f"/media/{task.id}").status_code == 404
    assert client.get(f"/items/{task.id}").status_code == 200


def test_a_report_of_a_remote_video_is_no_search(browser: Any, task: Task, root: Path) -> None:
    report = Report.model_validate_json((root / "report.json").read_bytes())
    report.uri = "s3://bucket/launch.mp4"
    (root / "report.json").write_text(report.to_json(), "utf-8")
    assert browser("reviewer").get(f"/media/{task.id}").status_code == 404
