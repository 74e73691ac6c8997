from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mmu.moderation.decide import judge
from mmu.moderation.likeness import Likeness
from mmu.moderation.policy import load_policy
from mmu.moderation.texts import TextUnit, Words, gather, reading_order
from mmu.signals import Box, Signal, Span
from models.text_embedding import TextEmbedder


@pytest.mark.weights
@pytest.mark.parametrize(
    ("category", "title"),
    [
        ("sexual", "美女主播穿着黑丝短裙，晚上跳一段撩人的舞给哥哥们看，记得点关注哦"),
        ("illegal", "新手怎么在网上赌场押注，一晚上赢了好几万，想学的看我演示一遍"),
        ("false_information", "科学家惊人预言：三年后地球将迎来末日，外星人已经在路上"),
    ],
)
def test_reads_like_a_violation_without_its_words(embedder: TextEmbedder, category: str, title: str) -> None:
    found = judge(load_policy(), title=title, embed=embedder.embed)
    assert any(hit.rule == f"like.{category}" for hit in found.hits), found.hits
    assert found.decision == "review"


@pytest.mark.weights
@pytest.mark.parametrize(
    "title",
    [
        "周末带孩子去海边玩，沙滩上捡了好多贝壳，晚上吃了海鲜大餐",
        "国足公布集训名单，多名年轻球员首次入选，主教练谈备战计划",
        "法院公布典型案例，诈骗团伙主犯获刑，提醒市民注意防范",
    ],
)
def test_ordinary_texts(embedder: TextEmbedder, title: str) -> None:
    assert judge(load_policy(), title=title, embed=embedder.embed).decision == "pass"


@pytest.mark.weights
def test_vectors_are_kept_between_processes(embedder: TextEmbedder, tmp_path: Path) -> None:
    sentences = {"a": ["买枪", "卖刀"], "harmless": ["散步", "做饭"]}
    first = Likeness(sentences, cache=tmp_path)
    expected = first.margins("出售刀具和枪支，量大从优，货到付款，欢迎批发", embedder.embed)
    (file,) = tmp_path.iterdir()
    calls: list[int] = []

    def counted(texts: object) -> object:
        calls.append(len(texts))  # type: ignore[arg-type]
        return embedder.embed(texts)  # type: ignore[arg-type]

    second = Likeness(sentences, cache=tmp_path)
    assert second.margins("出售刀具和枪支，量大从优，货到付款，欢迎批发", counted) == pytest.approx(expected)  # type: ignore[arg-type]
    assert calls == [1]
    file.write_bytes(b"broken")
    third = Likeness(sentences, cache=tmp_path)
    assert third.margins("出售刀具和枪支，量大从优，货到付款，欢迎批发", embedder.embed) == pytest.approx(
        expected
    )
    assert np.load(file).shape == (4, 896)


def test_nothing_to_read() -> None:
    likeness = Likeness({"a": ["x"], "harmless": ["y"]})
    assert likeness.margins("  ", lambda texts: np.zeros((len(texts), 896), np.float32)) == {}
    assert not Likeness({})


def test_words_of_a_video() -> None:
    units = [
        TextUnit("标题", "user"),
        TextUnit("第一行。7X", "text"),
        TextUnit("第一行", "text"),
        TextUnit("你好", "speech"),
    ]
    words = gather(units)
    assert words == Words("标题", "第一行。7X|第一行", "你好")
    assert words.lines == ["第一行"]
    assert words.together == "标题。第一行。你好"
    assert not Words()


def line(text: str, start: float, end: float, number: int, role: str = "overlay") -> Signal:
    box = Box(10, 20 * number, 300, 18)
    return Signal(
        "text.line",
        text,
        0.99,
        Span(start, end),
        "ocr",
        box,
        attributes={"role": role},
        id=f"text.line:{number}",
    )


@pytest.mark.weights
def test_a_hit_leads_to_the_piece_that_says_it(embedder: TextEmbedder) -> None:
    signals = [
        line("今天天气不错", 0, 3, 0),
        line("新手怎么在网上赌场押注", 3, 6, 1),
        line("一晚上赢了好几万，想学的看我演示一遍", 6, 9, 2),
        Signal("speech.segment", "大家好，我们开始吧", 0.9, Span(0, 2), "asr", id="speech.segment:0"),
    ]
    found = judge(load_policy(), signals=signals, title="记录一下", embed=embedder.embed)
    (hit,) = [hit for hit in found.hits if hit.rule == "like.illegal"]
    assert hit.text == "新手怎么在网上赌场押注"
    assert (hit.signal, hit.span, hit.axis) == ("text.line:1", (3, 6), "text")
    assert hit.box == (10, 20, 300, 18)


@pytest.mark.weights
def test_a_hit_of_the_title_quotes_the_title(embedder: TextEmbedder) -> None:
    title = "新手怎么在网上赌场押注，一晚上赢了好几万，想学的看我演示一遍"
    signals = [line("今天天气不错", 0, 3, 0), line("一起去公园", 3, 6, 1)]
    found = judge(load_policy(), signals=signals, title=title, embed=embedder.embed)
    (hit,) = [hit for hit in found.hits if hit.rule == "like.illegal"]
    assert (hit.text, hit.signal, hit.axis) == (title, None, "user")


def test_marks_do_not_open_what_is_read() -> None:
    signals = [
        line("MSR dataset sample", 0, 10, 0, "watermark"),
        line("某某频道", 0, 9.8, 1),
        line("第一句", 0.5, 2, 2),
        line("第二句", 3, 10, 3),
    ]
    units = [TextUnit(str(one.value), "text", one) for one in signals]
    order = reading_order([TextUnit("标题", "user"), *units])
    assert [unit.text for unit in order] == ["标题", "第一句", "第二句", "某某频道"]
    assert gather(order).together == "标题。第一句，第二句，某某频道"
    assert reading_order(units[:1]) == []
    assert reading_order([]) == []
