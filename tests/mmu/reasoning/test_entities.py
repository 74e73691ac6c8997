"""Names in titles, on screen, in speech and of known faces become entities with their evidence."""

from __future__ import annotations

import pytest

import kg
from mmu.reasoning.english_names import english_names
from mmu.reasoning.entities import Recogniser, load_recogniser
from mmu.reasoning.entity_evidence import gather_entities
from mmu.report.schema import Entity, Person
from mmu.signals import Signal, SignalSet, Span
from models.store import Store

GRAPH = kg.load()


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return load_recogniser(Store(), GRAPH)


def names(recogniser: Recogniser, text: str) -> list[str]:
    return [one.named.id for one in recogniser.find(text)]


@pytest.mark.weights
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("周迅和张涵予在成都吃海底捞", ["person:周迅", "person:张涵予", "place:chengdu", "brand:haidilao"]),
        ("北京大学在北京", ["organisation:北京大学", "place:beijing"]),
        ("钢琴家郎朗教你弹琴", ["person:郎朗"]),
        ("张桂梅校长送考", ["person:张桂梅"]),
        ("王老师讲数学", []),
        ("翻唱《稻香》", ["work:稻香"]),
        ("《王者荣耀》新赛季", ["work:honor_of_kings"]),
        ("他唱了《北京北京》", ["work:北京北京"]),
        ("苹果切块放进锅里", []),
        ("新的苹果手机", ["brand:apple"]),
        ("這是華為的手機", ["brand:huawei"]),
        ("我在Paris买了一个Gucci包", ["place:paris", "brand:gucci"]),
    ],
)
def test_names_in_chinese_titles(recogniser: Recogniser, text: str, expected: list[str]) -> None:
    assert names(recogniser, text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Taylor Swift and J. K. Rowling in Paris", ["person:taylor swift", "place:paris"]),
        (
            "Dr. Jane Goodall at Stanford University",
            ["person:jane goodall", "organisation:stanford university"],
        ),
        ("A walk through Central Park", ["place:central park"]),
        ("University of Oxford", ["organisation:university of oxford"]),
        ("Vincent van Gogh's paintings", ["person:vincent van gogh"]),
        ("I bought an Apple laptop", ["brand:apple"]),
        ("an apple a day", []),
        ("Apple pie for beginners", []),
        ("David likes boats", []),
        ("unboxing nike shoes", ["brand:nike"]),
        ("HOW TO DO YOGA AT HOME", []),
    ],
)
def test_names_in_english_titles(text: str, expected: list[str]) -> None:
    assert names(Recogniser(GRAPH), text) == expected


@pytest.mark.parametrize(
    "text", ["这不是华为手机", "没有去北京", "not a Tesla", "he is not in London", "without Nike"]
)
def test_denied_names_are_left_out(text: str) -> None:
    assert names(Recogniser(GRAPH), text) == []


def test_quoted_and_discouraged_names_count_less() -> None:
    def belief(text: str) -> float:
        (found,) = Recogniser(GRAPH).find(text)
        return found.belief

    assert belief("他说“我要去北京看看”") < belief("我要去北京看看")
    assert belief("禁止去北京") < belief("去北京")


def test_offsets_point_into_the_text() -> None:
    text = "去ＰＡＲＩＳ找 Taylor Swift’s 演唱会"
    for one in Recogniser(GRAPH).find(text):
        assert text[one.start : one.end] in ("ＰＡＲＩＳ", "Taylor Swift")
    assert len(english_names(text, {"Taylor"})) == 1


def report(signals: list[Signal], **more: object) -> list[Entity]:
    given = {"kept": set(), "people": [], "speakers": []} | more
    return gather_entities(SignalSet(signals), Recogniser(GRAPH), **given)  # type: ignore[arg-type]


def test_an_entity_has_its_mentions_from_every_axis() -> None:
    signals = [
        Signal("user.title", "A day in Paris", None, None, "user"),
        Signal("text.line", "巴黎 PARIS", 0.9, Span(2, 4), "ocr@1"),
        Signal("text.line", "巴黎", 0.9, Span(6, 8), "ocr@1"),
        Signal("speech.segment", "欢迎来到巴黎", 0.8, Span(1, 3), "whisper@1"),
    ]
    (paris,) = report(signals)
    assert (paris.id, paris.kind, paris.name.zh, paris.name.en) == ("place:paris", "place", "巴黎", "Paris")
    assert {one.where for one in paris.mentions} == {"title", "screen", "speech"}
    assert all(signals[0].value or one.at for one in paris.mentions)
    best = {"user": 0.95, "text": 0.95 * 0.9 * 0.9, "speech": 0.95 * 0.8 * 0.8}
    expected = 1.0
    for weight in best.values():
        expected *= 1 - weight
    assert paris.score == pytest.approx(1 - expected, abs=1e-3)
    screen = next(one for one in paris.mentions if one.where == "screen")
    assert (screen.span, screen.source, screen.text) == ((2, 4), "entities@1", "巴黎")


def test_a_hundred_lines_are_one_opinion() -> None:
    lines = [Signal("text.line", "Paris", 0.9, Span(k, k + 1), "ocr@1") for k in range(100)]
    one, many = report(lines[:1]), report(lines)
    assert one[0].score == many[0].score
    assert len(many[0].mentions) <= 12


def test_dropped_topics_name_nothing_and_kept_ones_do() -> None:
    signals = [
        Signal("user.topic", "耐克", None, None, "user"),
        Signal("user.topic", "三亚", None, None, "user"),
    ]
    assert [one.id for one in report(signals, kept={"三亚"})] == ["place:sanya"]


def test_a_known_face_is_an_entity_and_joins_its_name_in_the_title() -> None:
    person = Person(
        id="p1",
        name="王小明",
        name_score=0.7,
        seconds=3,
        spans=[(1, 4)],
        box=(1, 2, 3, 4),
        signals=["face.track:0"],
    )
    title = Signal("user.title", "王小明在巴黎", None, None, "user")
    found = {one.id: one for one in report([title], people=[person])}
    assert found["person:王小明"].mentions[0].where == "face"
    assert found["person:王小明"].mentions[0].box == (1, 2, 3, 4)
    assert "place:paris" in found


def test_without_a_recogniser_only_known_people_are_named() -> None:
    title = Signal("user.title", "Paris", None, None, "user")
    assert gather_entities(SignalSet([title]), None, kept=()) == []
