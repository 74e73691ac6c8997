from __future__ import annotations

import random
import time

import pytest

from mmu.moderation.lexicon import SOUND_TRUST, Lexicon, LexiconError, parse

LINES = ["~加微信 = 0.8", "~赌博", "! 独播", "色情", "! 白色情", "~约炮", "! 越跑", "spam", "一 + 二"]


@pytest.fixture(scope="module")
def lexicon() -> Lexicon:
    return Lexicon(parse("rule", LINES, score=0.5))


def found(lexicon: Lexicon, text: str) -> list[tuple[str, float]]:
    return [(text[match.start : match.end], match.trust) for match in lexicon.find(text)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("快来加微信聊", "加微信"),  # as it is
        ("快来 加 微 信 聊", "加 微 信"),  # spacing
        ("快来加*微*信聊", "加*微*信"),  # other things between
        ("快來加微信", "加微信"),  # the other script
        ("ＳＰＡＭ", "ＳＰＡＭ"),  # width and case
        ("ѕраm now", "ѕраm"),  # Cyrillic look-alikes
    ],
)
def test_written(lexicon: Lexicon, text: str, shown: str) -> None:
    assert found(lexicon, text) == [(shown, 1.0)]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("快来嘉薇信聊", "嘉薇信"),  # homophones
        ("快来jiaweixin聊", "jiaweixin"),  # pinyin in one word
        ("快来jia wei xin聊", "jia wei xin"),  # and in three
        ("加wei信", "加wei信"),  # mixed
        ("渡博害人", "渡博"),
    ],
)
def test_heard(lexicon: Lexicon, text: str, shown: str) -> None:
    assert found(lexicon, text) == [(shown, SOUND_TRUST)]


@pytest.mark.parametrize(
    "text",
    [
        "全网独播",  # sounds like 赌博
        "越跑越快",  # sounds like 约炮
        "白色情人节",  # holds 色情
        "黑白色，情侣装",  # not one word
        "家。微信息",  # across a sentence
        "wexin",  # not quite the pinyin
        "Jakarta is a city",
        "spamming",
        "只有一",
    ],
)
def test_innocent(lexicon: Lexicon, text: str) -> None:
    assert found(lexicon, text) == []


@pytest.mark.parametrize("line", ["~a加", "~信", "x = 2", "= 0.5", "a + ", "a .. ", "a .. b .. c", "a | "])
def test_lines_that_cannot_be_understood(line: str) -> None:
    with pytest.raises(LexiconError, match="line 1"):
        parse("rule", [line], score=0.5)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("这里有卖真枪的", ["卖真枪"]),
        ("卖 手枪", ["卖 手枪"]),
        ("sell you a gun and a real gun", ["sell you a gun"]),
        ("求购一把好用的枪", ["购一把好用的枪"]),
        ("枪声一响，他卖掉了房子", []),  # the other way round
        ("菜卖完了。枪响了", []),  # another sentence
        ("卖菜的老人在早上的集市里听见了远处的枪声", []),  # too far
        ("卖玩具枪", []),
        ("sell a top gun poster", []),
    ],
)
def test_near(text: str, shown: list[str]) -> None:
    lines = ["卖 | 购 .. 枪", "sell .. gun", "! 玩具枪", "! top gun"]
    assert [one for one, _ in found(Lexicon(parse("rule", lines, score=0.5)), text)] == shown


def test_alternatives() -> None:
    entries = parse("rule", ["a | b + c = 0.7", "! d | e"], score=0.5)
    assert [[part.strip() for part in entry.parts] for entry in entries] == [
        ["a", "c"],
        ["b", "c"],
        ["d"],
        ["e"],
    ]
    assert [entry.score for entry in entries] == [0.7, 0.7, 0.5, 0.5]
    assert [entry.exception for entry in entries] == [False, False, True, True]


def test_a_hundred_thousand_terms_cost_little_more_than_a_thousand() -> None:
    draw = random.Random(1)
    letters = [chr(code) for code in range(0x4E00, 0x4E00 + 3000)]
    terms = sorted({"".join(draw.choices(letters, k=draw.randint(3, 6))) for _ in range(100_000)})
    few, many = (Lexicon(parse("rule", some, score=0.5)) for some in (terms[:1000], terms))
    texts = ["".join(draw.choices(letters, k=40)) for _ in range(400)]
    texts[7] = texts[7][:20] + terms[99] + texts[7][20:]
    (planted,) = parse("rule", [terms[99]], score=0.5)  # in normal form: some letters are traditional
    assert planted in [match.entry for match in many.find(texts[7])]

    def seconds(lexicon: Lexicon) -> float:
        start = time.process_time()
        for text in texts:
            lexicon.find(text)
        return time.process_time() - start

    # the best of several, so that what else the machine does plays no part
    small, large = (min(seconds(lexicon) for _ in range(5)) for lexicon in (few, many))
    assert large < 6 * small, f"{small / len(texts):.6f} s and {large / len(texts):.6f} s a line"
