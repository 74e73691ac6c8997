"""The command line as a user meets it: help, wrong usage, exit codes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from mmu.cli import main
from mmu.cli_tag import _unique_names
from mmu.perception.catalog import build_stages
from mmu.perception.names import AXIS_STAGES, CPU_STAGES

HEAVY = ("numpy", "cv2", "onnxruntime", "librosa", "av", "faster_whisper", "ray", "torch")


def test_help_is_quick_and_loads_nothing_heavy() -> None:
    # CPU seconds of the whole process: other work on the machine must not count.
    probe = (
        "import sys, time\nfrom mmu.cli import build_parser\nbuild_parser().format_help()\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\nprint(time.process_time())"
    )
    best = 9.0
    for _ in range(3):
        done = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)
        loaded, seconds = done.stdout.splitlines()
        best = min(best, float(seconds))
    assert loaded == "[]"
    assert best < 1.0  # 0.5 s on an idle machine


def test_wrong_usage_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([])
    assert stop.value.code == 2
    with pytest.raises(SystemExit) as stop:
        main(["tag"])
    assert stop.value.code == 2
    assert main(["tag", "x.mp4", "--only", "smell"]) == 2
    assert main(["tag", "x.mp4", "--profile", "huge"]) == 2
    assert main(["tag", "x.mp4", "--skip", "face,person"]) == 2
    printed = capsys.readouterr().err
    assert "unknown stage face (an axis; its stages: faces), person (an axis; its" in printed
    assert "unknown stage smell" in printed
    assert "unknown profile 'huge'" in printed
    assert "Traceback" not in printed


def test_help_names_the_stages(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["tag", "--help"])
    printed = " ".join(capsys.readouterr().out.split())
    assert ", ".join(CPU_STAGES) in printed


def test_the_stages_of_an_axis_are_those_that_emit_its_signals() -> None:
    emits: dict[str, list[str]] = {}
    for stage in build_stages():
        for axis in {kind.partition(".")[0] for kind in stage.emits}:
            emits.setdefault("audio" if axis == "music" else axis, []).append(stage.name)
    named = {axis: tuple(names) for axis, names in emits.items() if axis not in CPU_STAGES}
    assert named == AXIS_STAGES


@pytest.mark.weights
def test_a_folder_says_how_its_videos_are_analysed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "my clips"
    folder.mkdir()
    assert main(["tag", f"{folder}/", "--quiet", "--only", "shots"]) == 1
    said = capsys.readouterr().err
    assert f"`mmu tag '{folder}'/*.mp4`" in said
    assert f"`python -m pipelines.batch --src '{folder}' --out FOLDER`" in said


@pytest.mark.weights
def test_a_bad_file_exits_with_1_and_a_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    empty = tmp_path / "empty.mp4"
    empty.touch()
    assert main(["tag", str(empty), "--quiet", "--only", "shots"]) == 1
    assert "empty" in capsys.readouterr().out


@pytest.mark.weights
def test_json_and_html_are_written(tmp_path: Path, short_video: Path) -> None:
    out = tmp_path / "out"
    command = ["tag", str(short_video), "--quiet", "--only", "shots", "--json", str(out), "--html", str(out)]
    assert main(command) == 0
    assert (out / "short.json").is_file()
    assert "<html" in (out / "short.html").read_text(encoding="utf-8")[:200].lower()


def test_two_files_of_one_name_do_not_overwrite_each_other() -> None:
    names = _unique_names(["a/clip.mp4", "b/clip.mp4", "b/clip.mov", "https://x.org/clip.mp4?key=1"])
    assert len(set(names)) == 4


def test_an_output_folder_that_is_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = tmp_path / "file"
    place.touch()
    assert main(["tag", "x.mp4", "--json", str(place)]) == 2
    assert "cannot write" in capsys.readouterr().err


def test_the_package_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "mmu", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("usage: mmu ")
