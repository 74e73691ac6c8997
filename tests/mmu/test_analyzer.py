"""The whole path on the sample video, on real weights."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import mmu
from mmu.analyzer import Analyzer
from mmu.errors import ConfigError, ModelError
from mmu.perception.names import CPU_STAGES
from mmu.reasoning.similarity import TopicSimilarity
from mmu.report.schema import Report
from mmu.request import Request
from models.store import Store

pytestmark = pytest.mark.weights


def test_all_stages_end_well(sample_report: Report) -> None:
    assert sample_report.outcome == "ok"
    assert {stage.outcome for stage in sample_report.stages} == {"ok"}
    assert sample_report.id
    assert sample_report.media is not None
    assert sample_report.media.duration == pytest.approx(23, abs=0.2)


def test_it_sees_hears_and_reads(sample_report: Report) -> None:
    kinds = {signal["kind"] for signal in sample_report.signals}
    assert {
        "media.shot",
        "face.track",
        "image.label",
        "text.line",
        "speech.segment",
        "music.segment",
    } <= kinds
    read = "".join(line.text for line in sample_report.on_screen_text).replace(" ", "").casefold()
    assert "她是一名宇航员" in read
    assert "timeforacupofcoffee" in read
    said = " ".join(segment.text for segment in sample_report.transcript).casefold()
    assert "superlative" in said
    assert sample_report.language == "en"
    assert [person.gender for person in sample_report.people][:1] == ["female"]
    cuts = [signal["span"][0] for signal in sample_report.signals if signal["kind"] == "media.shot"]
    assert cuts == pytest.approx([0, 6, 7.2, 9.04, 11.48, 13, 18], abs=0.1)


def test_it_understands(sample_report: Report) -> None:
    tags = {tag.id for tag in sample_report.tags}
    assert {"person", "cat"} <= tags
    assert sample_report.caption is not None
    assert sample_report.quality is not None
    assert 0 < sample_report.quality.overall <= 100
    assert sample_report.moderation is not None
    assert sample_report.moderation.decision == "pass"


def test_topics_are_cleaned(sample_report: Report) -> None:
    decisions = {topic.topic: topic for topic in sample_report.topics}
    assert decisions["上热门"].reason == "traffic_bait"
    assert decisions["猫咪"].action == "keep"
    assert decisions["篮球"].action == "drop"
    assert decisions["astronaut"].action == "merge"


def test_every_tag_has_evidence_that_adds_up(sample_report: Report) -> None:
    signals = {signal["id"] for signal in sample_report.signals}
    assert sample_report.tags
    for tag in sample_report.tags:
        assert sum(one.weight for one in tag.evidence) == pytest.approx(tag.score, abs=1e-6)
        assert {one.signal for one in tag.evidence} <= signals


def test_a_second_run_says_the_same(analyzer: Analyzer, short_video: Path, short_report: Report) -> None:
    again = analyzer.analyze(short_video, title=short_report.title, topics=short_report.user_topics)
    varying = {"stages"}
    assert again.model_dump(exclude=varying) == short_report.model_dump(exclude=varying)
    # All axes have something that could differ.
    kinds = {signal["kind"].partition(".")[0] for signal in short_report.signals}
    assert {"media", "face", "image", "text", "speech", "music"} <= kinds


def test_threads_do_not_change_the_report(short_video: Path) -> None:
    only = ["shots", "labels", "objects", "scene"]
    with Analyzer(only=only, threads=1) as one, Analyzer(only=only, threads=4) as four:
        first, second = one.analyze(short_video), four.analyze(short_video)
    assert first.signals == second.signals
    assert first.tags == second.tags


def test_the_report_survives_json(sample_report: Report) -> None:
    text = sample_report.to_json()
    assert Report.model_validate_json(text).to_json() == text
    assert json.loads(text)["schema"] == "mmu.report/1"
    assert "宇航员" in text
    assert all(person.embedding is None for person in sample_report.people)
    packed = {one["kind"] for one in sample_report.signals if "embedding" in one}
    assert packed == {"image.embedding"}  # says what is shown, not who


def test_text_encoders_stay_unloaded_where_no_words_are_read(
    short_video: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[TopicSimilarity] = []
    monkeypatch.setattr(TopicSimilarity, "load", loaded.append)
    with Analyzer(only=["shots"]) as small:
        assert small.analyze(short_video).outcome == "ok"
    assert loaded == []


def test_a_file_object_and_a_missing_file(short_video: Path) -> None:
    with Analyzer(only=["shots"]) as small:
        with short_video.open("rb") as file:
            assert small.analyze(file).outcome == "ok"
        missing = small.analyze("no/such/file.mp4")
    assert missing.outcome == "failed"
    assert "no/such/file.mp4" in missing.errors[0].message


def test_many_keeps_the_order_and_survives_bad_files(tmp_path: Path, short_video: Path) -> None:
    bad = tmp_path / "bad.mp4"
    bad.write_bytes(b"this is not a video")
    requests = [bad, Request(short_video, title="第二"), bad]
    reports = list(mmu.analyze_many(requests, only=["shots"]))
    assert [report.outcome for report in reports] == ["failed", "ok", "failed"]
    assert reports[1].title == "第二"
    assert reports[0].id == reports[2].id != ""


def test_wrong_options_are_named() -> None:
    with pytest.raises(ConfigError, match="unknown profile 'huge'"):
        mmu.analyze("x.mp4", profile="huge")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="threads"):
        Analyzer(threads=0)


def test_missing_weights_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="mmu models pull"):
        Analyzer(store=Store(tmp_path))


@pytest.mark.slow
def test_it_runs_with_the_network_cut_off(short_video: Path, tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None or subprocess.run([unshare, "-n", "true"], check=False).returncode:
        pytest.skip("unshare -n is not allowed here")
    command = [unshare, "-n", sys.executable, "-m", "mmu.cli", "tag", str(short_video), "--quiet"]
    done = subprocess.run([*command, "--json", str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    (written,) = tmp_path.glob("*.json")
    report = Report.model_validate_json(written.read_text(encoding="utf-8"))
    assert report.outcome == "ok"
    assert {stage.name for stage in report.stages} >= set(CPU_STAGES)
