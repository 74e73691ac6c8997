"""What was decoded does not outlive its process, however that ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import BinaryIO

import pytest

from mmu.media import scratch
from mmu.media.scratch import new_folder

HOLD = """
import sys, mmu.media.scratch as scratch
folder = scratch.new_folder(sys.argv[1])
(folder / "frames.bgr").write_bytes(b"x" * 1000)
print(folder, flush=True)
sys.stdin.read()
"""


def holder(base: Path) -> tuple[subprocess.Popen[str], Path]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(base)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_killed_process_leaves_its_folder_to_the_next_one(tmp_path: Path) -> None:
    living, its = holder(tmp_path)
    dead, left = holder(tmp_path)
    dead.send_signal(signal.SIGKILL)
    dead.communicate()
    assert (left / "frames.bgr").exists()
    third, own = holder(tmp_path)
    assert not left.parent.exists()
    assert (its / "frames.bgr").exists()
    for process in (living, third):
        process.communicate("")
    assert not its.parent.exists()
    assert not own.parent.exists()
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_just_being_made_stays(tmp_path: Path) -> None:
    young, old = tmp_path / "mmu-scratch-young", tmp_path / "mmu-scratch-old"
    for folder in (young, old):
        folder.mkdir()
    before = time.time() - 7200
    os.utime(old, (before, before))
    assert new_folder(tmp_path).is_dir()
    assert young.is_dir()
    assert not old.exists()


def test_a_home_that_a_cleaner_took_is_made_again(tmp_path: Path) -> None:
    first = new_folder(tmp_path)
    first.rmdir()
    (first.parent / "lock").unlink()
    first.parent.rmdir()
    assert new_folder(tmp_path).is_dir()


def test_a_home_swept_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, swept = scratch.try_lock, []

    def late(file: BinaryIO) -> bool:
        if not swept:
            swept.append(Path(file.name).parent)
            shutil.rmtree(swept[0])
        return real(file)

    monkeypatch.setattr(scratch, "try_lock", late)
    folder = new_folder(tmp_path)
    assert folder.is_dir()
    assert folder.parent != swept[0]
