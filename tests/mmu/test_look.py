"""A vision-language model that looks at frames: a real server on loopback, its answers held against evidence."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

import kg
from mmu.analyzer import Analyzer
from mmu.cli import main
from mmu.describe import TimedFrame
from mmu.errors import ConfigError
from mmu.look import STAGE, look
from mmu.outcome import Outcome
from mmu.reasoning.answers import Answers, agreed, check
from mmu.reasoning.llm import LanguageModel
from mmu.report.schema import Category, Name, Report
from mmu.signals import Signal, Span
from models.store import Store
from tests.mmu.reasoning.test_llm import Server, tag

GRAPH = kg.load()
FRAMES = [TimedFrame(float(second), b"jpeg") for second in range(4)]
DOG = Signal(
    "image.label",
    "golden retriever",
    0.6,
    Span(0, 4),
    "t@1",
    attributes={"vocabulary": "imagenet1k"},
    id="image.label:0",
)
REPORT = Report(
    id="0" * 64,
    uri="clip.mp4",
    outcome=Outcome.OK,
    title="小黑的一天",
    tags=[tag("dog", "element"), tag("cartoon", "style")],
    signals=[DOG.to_json()],
)


def item(zh: str, en: str, *frames: int, sure: float = 0.9) -> dict[str, object]:
    return {"zh": zh, "en": en, "frames": list(frames), "sure": sure}


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


@pytest.fixture(scope="module")
def analyzer() -> Iterator[Analyzer]:
    with Analyzer(only=["shots"], learned=False) as made:
        yield made


def answers(*items: dict[str, object]) -> Answers:
    return Answers.model_validate({"items": list(items)})


def test_what_agrees_counts_more_than_what_stands_alone() -> None:
    found = check(
        answers(item("金毛", "golden retriever", 0, 1), item("飞盘", "frisbee", 2)),
        REPORT,
        GRAPH,
        [0, 1, 2, 3],
        source="vlm:x",
    )
    agrees, alone = found.signals
    assert (agrees.attributes["support"], alone.attributes["support"]) == ("agrees", "alone")
    assert agrees.score == pytest.approx(0.9)
    assert alone.score == pytest.approx(0.54)
    assert agrees.attributes["frames"] == [0, 1]
    assert agrees.span is not None
    assert agrees.span.start == 0
    assert found.refused == []


def test_what_the_graph_or_the_evidence_speaks_against_is_refused_with_the_reason() -> None:
    found = check(
        answers(
            item("呜啦啦", "woolalah", 0),
            item("真人实拍", "live action", 0),
            item("猫", "cat", 17),
        ),
        REPORT,
        GRAPH,
        [0, 1, 2, 3],
        source="vlm:x",
    )
    assert found.signals == []
    assert found.refused == [
        "呜啦啦 / woolalah: no concept of the graph",
        "真人实拍 / live action: cartoon excludes it",
        "猫 / cat: no frame that was shown",
    ]


def test_a_tag_that_only_an_earlier_answer_carried_supports_nothing() -> None:
    earlier = tag("frisbee", "element")
    earlier.evidence[0] = earlier.evidence[0].model_copy(update={"signal": "image.answer:0"})
    report = REPORT.model_copy(update={"tags": [earlier]})
    found = check(answers(item("飞盘", "frisbee", 0)), report, GRAPH, [0.0], source="vlm:x")
    assert found.signals[0].attributes["support"] == "alone"


def test_sure_reports_are_not_asked_about(server: Server, analyzer: Analyzer) -> None:
    sure = [tag(name, "element") for name in ("dog", "cat", "street", "outdoor")]
    sure[0].evidence[0] = sure[0].evidence[0].model_copy(update={"axis": "text"})
    category = Category(id="pets", name=Name(zh="宠物", en="pets"), score=0.8)
    report = REPORT.model_copy(update={"tags": sure, "category": category})
    assert agreed(REPORT) is None
    assert agreed(report.model_copy(update={"category": None})) is None
    found = look(report, LanguageModel(server.url, "eye"), FRAMES, analyzer=analyzer)
    (stage,) = [one for one in found.stages if one.name == STAGE]
    assert stage.outcome is Outcome.SKIPPED
    assert stage.notes[0].startswith("not asked: category pets at 0.80 and 4 tags")
    assert server.asked == []
    assert found.tags == report.tags


def test_tags_are_found_anew_and_the_cost_is_told(server: Server, analyzer: Analyzer) -> None:
    content = json.dumps(
        {"items": [item("狗", "dog", 0, 1), item("飞盘", "frisbee", 1), item("真人实拍", "live action", 1)]}
    )
    message = {
        "choices": [{"message": {"content": content}}],
        "usage": {"prompt_tokens": 1000, "completion_tokens": 50},
    }
    server.body = json.dumps(message).encode()
    before = {one.id: one.score for one in analyzer.retag(REPORT)}
    found = look(
        REPORT, LanguageModel(server.url, "eye", key="k"), FRAMES, analyzer=analyzer, prices=(2.0, 10.0)
    )
    after = {one.id: one.score for one in found.tags}
    assert after["dog"] > before["dog"]
    assert after["frisbee"] > 0.2
    assert "frisbee" not in before
    assert {one.signal for one in next(t for t in found.tags if t.id == "frisbee").evidence} == {
        "image.answer:1"
    }
    stage = next(one for one in found.stages if one.name == STAGE)
    assert stage.notes[0].startswith("asked eye: 4 frames, 1000 tokens in, 50 out, ")
    assert stage.notes[0].endswith("cost 0.002500")
    assert stage.notes[1] == "refused: 真人实拍 / live action: cartoon excludes it"
    (asked,) = server.asked
    assert asked["response_format"]["json_schema"]["name"] == "answers"
    assert sum(part["type"] == "image_url" for part in asked["messages"][1]["content"]) == 4
    again = look(found, LanguageModel(server.url, "eye"), FRAMES, analyzer=analyzer)
    scores = {one.id: one.score for one in again.tags}
    assert (scores["dog"], scores["frisbee"]) == (after["dog"], after["frisbee"]), "no evidence for itself"
    Report.model_validate_json(found.to_json())


def test_a_failure_leaves_the_tags(server: Server, analyzer: Analyzer) -> None:
    server.say({"items": [{"zh": "狗"}]})
    found = look(REPORT, LanguageModel(server.url, "eye"), FRAMES, analyzer=analyzer)
    assert found.tags == REPORT.tags
    assert found.outcome is Outcome.PARTIAL
    assert found.errors[0].message.startswith("not the answers that was asked for: items.0.en")


@pytest.mark.weights
def test_the_command_looks_at_a_real_video(
    server: Server,
    tmp_path: Path,
    short_video: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if not Store().has("sample-media"):
        pytest.skip("needs `mmu models pull --profile sample`")
    for name in ("MMU_LLM_URL", "MMU_LLM_MODEL"):
        monkeypatch.delenv(name, raising=False)
    video = short_video
    path = tmp_path / "clip.json"
    path.write_text(REPORT.model_copy(update={"uri": str(video)}).to_json())
    server.say({"items": [item("猫", "cat", 0, 2)]})
    options = ["--llm-url", server.url, "--llm-model", "eye", "--frames", "3", "--write"]
    assert main(["look", str(path), *options]) == 0
    assert "猫 · cat" in capsys.readouterr().out
    written = Report.model_validate_json(path.read_text())
    assert any(one["kind"] == "image.answer" for one in written.signals)
    assert main(["look", str(path)]) == 2
    assert main(["look", str(tmp_path / "none.json"), *options]) == 2
    server.status = 500
    assert main(["look", str(path), *options]) == 1


def test_frames_out_of_range_are_refused(tmp_path: Path) -> None:
    from mmu.describe import take_timed_frames

    with pytest.raises(ConfigError, match="1 to 16 frames"):
        take_timed_frames(tmp_path / "x.mp4", 17)
