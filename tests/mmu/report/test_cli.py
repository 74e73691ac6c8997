"""`mmu report`."""

import argparse
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from mmu.cli import main
from mmu.errors import ConfigError, MediaError
from mmu.report.cli import add_parser, find_video


def run(*words: object) -> int:
    parser = argparse.ArgumentParser()
    add_parser(parser.add_subparsers())
    args = parser.parse_args(["report", *map(str, words)])
    return int(args.run(args))


@pytest.fixture
def saved(sample: ModuleType, video: Path, tmp_path: Path) -> Path:
    path = tmp_path / "clip.json"
    path.write_text(sample.rich_report(video).to_json(), "utf-8")
    return path


def test_page_and_subtitles(saved: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert (
        run(saved, "--html", tmp_path / "new" / "out.html", "--srt", tmp_path / "out.srt", "--lang", "en")
        == 0
    )
    page = (tmp_path / "new" / "out.html").read_text("utf-8")
    assert '<html lang="en">' in page
    # the file of the report's own URI has the right hash, so it is in the page
    assert len(page) > 1_000_000
    assert "水温九十二度" in (tmp_path / "out.srt").read_text("utf-8")
    assert capsys.readouterr().out.split() == [str(tmp_path / "out.srt"), str(tmp_path / "new" / "out.html")]
    assert not list(tmp_path.glob("**/.*"))


def test_default_place_is_beside_the_report(sample: ModuleType, tmp_path: Path) -> None:
    saved = tmp_path / "bad.json"
    saved.write_text(sample.failed_report().to_json(), "utf-8")
    assert run(saved) == 0
    assert "empty_file" in (tmp_path / "bad.html").read_text("utf-8")


def test_only_the_analysed_bytes_are_taken_from_the_uri(
    sample: ModuleType, video: Path, tmp_path: Path
) -> None:
    report = sample.rich_report(video)
    assert find_video(report) == video
    assert find_video(report.model_copy(update={"uri": video.as_uri()})) == video
    other = tmp_path / "secret.mp4"
    other.write_bytes(b"not the file")
    for uri in (str(other), "https://example.org/a.mp4", "s3://bucket/a.mp4", "\0", ""):
        assert find_video(report.model_copy(update={"uri": uri})) is None


def test_another_video_is_used_with_a_note(
    saved: Path, sample: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = sample.write_picture(tmp_path / "other.png")
    assert run(saved, "--video", other) == 0
    assert "not the file" in capsys.readouterr().err


@pytest.mark.parametrize("text", ["", "{", "[]", '{"schema": "mmu.report/1"}', '{"schema": "other"}'])
def test_what_is_not_a_report_is_named(text: str, tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ConfigError, match=r"x\.json.*is not an mmu\.report/1 report"):
        run(path)


@pytest.mark.parametrize(
    "command",
    [
        "report",
        "caption",
        "look",
        "policy explain --no-embeddings",
        "originals add",
        "queue put",
        "index add",
    ],
)
def test_a_video_in_place_of_a_report_says_how_one_is_made(
    command: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMU_HOME", str(tmp_path))
    path = tmp_path / "clip.json"
    path.write_bytes(b"\0\0\0\x20ftypisom\xbb\xff")
    model = ["--llm-url", "http://127.0.0.1:9/v1", "--llm-model", "m"] if command == "look" else []
    assert main([*command.split(), str(path), *model]) != 0
    said = capsys.readouterr().err
    assert "clip.json' is not an mmu.report/1 report (`mmu tag FILE --json DIR` makes one)" in said
    assert "codec" not in said


def test_missing_files(saved: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="absent.json"):
        run(tmp_path / "absent.json")
    with pytest.raises(MediaError, match="absent.mp4"):
        run(saved, "--video", tmp_path / "absent.mp4")
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot write"):
        run(saved, "--html", tmp_path / "file" / "out.html", "--video", saved)


def test_import_is_light() -> None:
    code = "import sys, mmu.report.cli; print([m for m in ('pydantic', 'numpy', 'cv2', 'av') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
