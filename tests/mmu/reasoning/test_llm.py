"""A language model behind OpenAI's chat protocol: a real server on loopback, its answers held against evidence."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

import kg
from mmu.cli import main
from mmu.describe import describe, take_frames
from mmu.errors import ConfigError
from mmu.outcome import Outcome
from mmu.reasoning.checked import check, support_of
from mmu.reasoning.llm import Draft, LanguageModel, ModelAnswerError
from mmu.report.schema import Caption, Evidence, EvidenceStep, Name, Report, Tag, TextLine
from models.store import Store

GRAPH = kg.load()


def tag(concept: str, facet: str) -> Tag:
    node = GRAPH.concepts[concept]
    step = EvidenceStep(kind="signal", id="image.label:0", text=concept)
    evidence = Evidence(axis="image", weight=0.8, signal="image.label:0", source="t@1", path=[step])
    return Tag(id=concept, name=Name(zh=node.zh, en=node.en), facet=facet, score=0.8, evidence=[evidence])


GROUNDED = Caption(text=Name(zh="一段视频：画面中有狗。", en="A video showing a dog."), tags=["dog"])
REPORT = Report(
    id="0" * 64,
    uri="clip.mp4",
    outcome=Outcome.OK,
    title="小黑的一天",
    tags=[tag("dog", "element"), tag("street", "scene")],
    caption=GROUNDED,
    on_screen_text=[TextLine(start=0, end=1, text="雪地撒欢", role="title", signal="text.line:0")],
)
GOOD = {
    "sentence_zh": "一只狗在街道上。",
    "sentence_en": "A dog on a street.",
    "paragraph_zh": "画面中有一只狗，它在街道上。标题写着雪地撒欢。",
    "paragraph_en": "The video shows a dog on the street.",
    "titles_zh": ["雪地撒欢"],
    "titles_en": ["A dog on the street"],
}


class Server:
    """Answers `/v1/chat/completions` with what it was told to, and keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.status, self.wait = 200, 0.0
        self.body: bytes | None = None
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.asked.append(json.loads(self.rfile.read(length)))
                outer.keys.append(self.headers.get("Authorization"))
                assert self.path == "/v1/chat/completions"
                time.sleep(outer.wait)
                self.send_response(outer.status)
                self.end_headers()
                self.wfile.write(outer.body or b"")

            def log_message(self, *_: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/v1"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def say(self, answer: object) -> None:
        content = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
        self.body = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


def test_a_supported_draft_becomes_the_caption(server: Server) -> None:
    server.say(GOOD)
    found = describe(REPORT, LanguageModel(server.url, "small", key="secret"), frames=[b"jpeg"])
    assert found.caption is not None
    assert found.caption.source == "llm:small"
    assert found.caption.text == Name(zh="一只狗在街道上。", en="A dog on a street.")
    assert found.caption.unsupported == []
    assert set(found.caption.tags) == {"dog", "street"}
    assert found.outcome is Outcome.OK
    (asked,) = server.asked
    assert asked["response_format"]["json_schema"]["schema"]["required"]
    text, picture = asked["messages"][1]["content"]
    assert "雪地撒欢" in text["text"]
    assert picture["image_url"]["url"].startswith("data:image/jpeg;base64,")
    assert server.keys == ["Bearer secret"]
    assert "secret" not in found.to_json()


def test_words_that_nothing_supports_are_taken_out_and_listed(server: Server) -> None:
    server.say(
        {
            **GOOD,
            "sentence_zh": "一只狗在街道上，旁边有一辆消防车。",
            "sentence_en": "A dog on a street, near a helicopter.",
            "titles_zh": ["消防车来了"],
        }
    )
    found = describe(REPORT, LanguageModel(server.url, "small")).caption
    assert found is not None
    assert found.text == Name(zh="一只狗在街道上。", en="A dog on a street.")
    assert "helicopter" in found.unsupported
    assert any("消防" in word for word in found.unsupported)
    assert found.titles == []


def test_a_draft_without_support_leaves_the_grounded_caption() -> None:
    draft = Draft.model_validate(
        {**GOOD, "sentence_zh": "宇航员登上月球。", "sentence_en": "An astronaut lands."}
    )
    found = check(draft, REPORT, GRAPH, source="llm:x")
    assert found is not None
    assert (found.text, found.source) == (GROUNDED.text, "evidence")
    assert "astronaut" in found.unsupported


def test_our_own_captions_are_supported() -> None:
    support = support_of(REPORT, GRAPH)
    assert support.missing(GROUNDED.text.zh) == []
    assert support.missing(GROUNDED.text.en) == []
    assert support.missing("小黑") == []


@pytest.mark.parametrize(
    ("answer", "status", "said"),
    [
        ("no JSON at all", 200, "not the caption that was asked for"),
        ({"sentence_zh": "狗"}, 200, "sentence_en: Field required"),
        ({**GOOD, "more": 1}, 200, "more: Extra inputs"),
        (GOOD, 500, "status 500"),
        (GOOD, 302, "status 302"),
    ],
)
def test_a_bad_answer_leaves_the_grounded_caption(
    server: Server, answer: object, status: int, said: str
) -> None:
    server.say(answer)
    server.status = status
    found = describe(REPORT, LanguageModel(server.url, "small"))
    assert found.caption == GROUNDED
    assert found.outcome is Outcome.PARTIAL
    assert said in found.errors[0].message
    assert found.stages[-1].outcome is Outcome.FAILED


def test_bytes_that_are_no_completion(server: Server) -> None:
    for body in (
        b"\xff",
        b"[]",
        b'{"choices": []}',
        b'{"choices": [{"message": {"content": null}}]}',
        b"x" * 2**21,
    ):
        server.body = body
        with pytest.raises(ModelAnswerError):
            LanguageModel(server.url, "small").draft(REPORT)


def test_time_runs_out_and_nobody_listens(server: Server) -> None:
    server.say(GOOD)
    server.wait = 2
    with pytest.raises(ModelAnswerError, match="no answer within 0.2 s"):
        LanguageModel(server.url, "small", timeout=0.2).draft(REPORT)
    with pytest.raises(ModelAnswerError, match="ConnectionError"):
        LanguageModel("http://127.0.0.1:9/v1", "small").draft(REPORT)


def test_configuration() -> None:
    assert LanguageModel.from_environment({}) is None
    model = LanguageModel.from_environment(
        {"MMU_LLM_URL": "http://h/v1", "MMU_LLM_MODEL": "m", "MMU_LLM_TIMEOUT": "5"}
    )
    assert model == LanguageModel("http://h/v1", "m", timeout=5)
    for values, said in (
        ({"MMU_LLM_URL": "file:///etc"}, "http://"),
        ({"MMU_LLM_URL": "http://h"}, "name the language model"),
        ({"MMU_LLM_URL": "http://h", "MMU_LLM_MODEL": "m", "MMU_LLM_TIMEOUT": "x"}, "no number"),
        ({"MMU_LLM_URL": "http://h", "MMU_LLM_MODEL": "m", "MMU_LLM_TIMEOUT": "-1"}, "positive"),
    ):
        with pytest.raises(ConfigError, match=said):
            LanguageModel.from_environment(values)


def test_the_command(server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "clip.json"
    path.write_text(REPORT.to_json(), encoding="utf-8")
    assert main(["caption", str(path)]) == 0
    assert "画面中有狗" in capsys.readouterr().out
    server.say(GOOD)
    asked = ["caption", str(path), "--llm-url", server.url, "--llm-model", "small", "--write"]
    assert main(asked) == 0
    assert "llm:small" in capsys.readouterr().out
    stored = Report.model_validate_json(path.read_text(encoding="utf-8"))
    assert stored.caption is not None
    assert stored.caption.source == "llm:small"
    server.status = 503
    assert main(asked) == 1
    assert "status 503" in capsys.readouterr().out
    for arguments, said in (
        ([str(path), "--frames", "2"], "--frames are for a language model"),
        ([str(tmp_path / "none.json")], "cannot read"),
        ([str(path), "--llm-url", "ftp://x", "--llm-model", "m"], "http://"),
    ):
        assert main(["caption", *arguments]) == 2
        assert said in capsys.readouterr().err


@pytest.mark.weights
def test_frames_of_a_video_are_sent() -> None:
    frames = take_frames(Store().folder("sample-media") / "bikes.mp4", 3)
    assert len(frames) == 3
    assert all(frame.startswith(b"\xff\xd8") for frame in frames)
    with pytest.raises(ConfigError, match="1 to 16"):
        take_frames("x.mp4", 17)
