"""What words sound like, by the real encoders."""

from __future__ import annotations

from typing import Any

import pytest

from mmu.moderation.sentiment import judge, sentiment
from mmu.signals import Signal, Span
from models.text_embedding import TextEmbedder

pytestmark = pytest.mark.weights


@pytest.fixture(scope="module")
def embed(embedder: TextEmbedder) -> Any:
    return embedder.embed


@pytest.mark.parametrize(
    ("wanted", "text"),
    [
        ("positive", "今天收到了录取通知书，全家人都好开心，感谢老师和朋友们一直以来的鼓励，未来可期"),
        (
            "positive",
            "so happy to see you all again, this was the best weekend of my life, thank you everyone",
        ),
        ("negative", "又失业了，房租也交不起，一个人在出租屋里哭了一晚上，不知道明天该怎么办，真的好绝望"),
        (
            "negative",
            "I regret buying this, it broke after two days and nobody answers, I am really disappointed",
        ),
        ("abusive", "你这种货色也配当主播，看看自己那副德行，全家都是废物，赶紧滚，别出来恶心人了，蠢货"),
        (
            "abusive",
            "you are a disgusting idiot and everyone hates you, shut your mouth and crawl back to your hole",
        ),
        (
            "neutral",
            "将螺丝对准底板上的孔，顺时针拧紧，然后接上电源线，打开开关检查指示灯是否亮起，最后盖上外壳",
        ),
        (
            "neutral",
            "the second chapter of the course explains how to open a file, read its lines and close it again",
        ),
    ],
)
def test_long_texts(embed: Any, wanted: str, text: str) -> None:
    shares = judge(text, embed)
    assert max(shares, key=shares.__getitem__) == wanted, shares
    assert sum(shares.values()) == pytest.approx(1.0)


def test_a_short_text_is_not_sure(embed: Any) -> None:
    short, long = judge("废物", embed), judge("废物，滚出去，" * 6, embed)
    assert short["abusive"] < long["abusive"]


def test_the_signal_reads_title_screen_and_speech(embed: Any) -> None:
    said = Signal(
        "speech.segment", "你这个蠢货，赶紧滚，看见你就恶心，不要脸的东西", 0.9, Span(0, 3), "asr", id="s0"
    )
    shown = Signal("text.line", "全家都是废物，去死吧", 0.9, Span(0, 3), "ocr", id="t0")
    found = sentiment([said, shown], "骂他", [], embed)
    assert found is not None
    assert (found.kind, found.value) == ("text.sentiment", "abusive")
    assert found.score == found.attributes["shares"]["abusive"]
    assert sentiment([], "", [], embed) is None
