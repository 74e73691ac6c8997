"""Captions say only what the evidence shows, heard or read; categories count a signal once."""

import re
from random import Random

import pytest

from kg import Graph
from mmu.reasoning import caption_en, caption_zh
from mmu.reasoning.caption import write_caption
from mmu.reasoning.caption_facts import choose_facts, shorten
from mmu.reasoning.category import choose_category
from mmu.report.schema import (
    Caption,
    Category,
    Emotion,
    Evidence,
    EvidenceStep,
    Name,
    Person,
    Report,
    Tag,
    TextLine,
    TranscriptSegment,
)
from tests.mmu.reasoning.graphs import concept, small_graph

BASE = small_graph()
GRAPH = Graph(
    {
        **BASE.concepts,
        **{
            one.id: one
            for one in (
                concept("man", "男人", "person"),
                concept("woman", "女人", "person"),
                concept("street", "街道", "scene"),
                concept("sky", "天空", "scene"),
                concept("cute", "可爱", "emotion"),
                concept("rock_sign", "摇滚手势", "action"),
                concept("riding_bicycle", "骑自行车", "action", implies={"bicycle": 0.97}),
                concept("bicycle", "自行车"),
                concept("car", "汽车"),
                concept("playing_violin", "拉小提琴", "action"),
                concept("piano", "钢琴曲", "music"),
                concept("black_and_white", "黑白", "style"),
                concept("cake", "蛋糕"),
                concept("english", "英语", "language"),
            )
        },
    }
)


def tag(
    name: str, zh: str, facet: str, *spans: tuple[float, float], axis: str = "image", score: float = 0.8
) -> Tag:
    step = EvidenceStep(kind="signal", id=f"{axis}:{name}", text=name)
    evidence = [
        Evidence(axis=axis, weight=score, signal=step.id, source="t@1", path=[step], span=span)
        for span in (spans or (None,))
    ]
    for one in evidence:
        one.weight = score / len(evidence)
    shown = list(spans)
    return Tag(
        id=name,
        name=Name(zh=zh, en=name.replace("_", " ")),
        facet=facet,
        score=score,
        spans=shown,
        evidence=evidence,
    )


def full(
    *tags: Tag,
    medium: str = "video",
    category: Category | None = None,
    title: str = "",
    said: str = "",
    people: tuple[Person, ...] = (),
    emotion: Emotion | None = None,
) -> Caption | None:
    lines = [TextLine(start=0, end=1, text=title, role="title", signal="text.line:0")] if title else []
    speech = (
        [TranscriptSegment(start=0, end=1, text=said, language="zh", signal="speech.segment:0")]
        if said
        else []
    )
    return write_caption(
        list(tags),
        category,
        GRAPH,
        medium=medium,
        people=people,
        transcript=speech,
        lines=lines,
        emotion=emotion,
    )


def caption(*tags: Tag, **options: object) -> str | None:
    found = full(*tags, **options)  # type: ignore[arg-type]
    return found.text.zh if found else None


def person(number: int, gender: str | None, name: str | None = None) -> Person:
    return Person(
        id=f"p{number}",
        name=name,
        seconds=3,
        spans=[(0, 3)],
        gender=gender,
        signals=[f"face.person:{number}"],
    )


MAN, STREET, CAR = tag("man", "男人", "person"), tag("street", "街道", "scene"), tag("car", "汽车", "element")


def test_what_only_the_user_says_is_not_said() -> None:
    assert caption(tag("cake", "蛋糕", "element", axis="user")) is None
    assert "蛋糕" in (caption(tag("cake", "蛋糕", "element")) or "")


def test_a_sound_is_not_shown() -> None:
    assert "小狗" not in (caption(tag("dog", "小狗", "element", axis="audio"), medium="audio") or "")


def test_what_happens_apart_is_not_joined() -> None:
    apart = full(tag("man", "男人", "person", (0, 5)), tag("street", "街道", "scene", (6, 9)))
    assert apart is not None
    assert apart.text == Name(zh="一段视频：一个男人，另外还有街道。", en="A video of a man; also a street.")
    together = caption(tag("man", "男人", "person", (0, 5)), tag("street", "街道", "scene", (3, 9)))
    assert together == "一段视频：一个男人在街道上。"


def test_who_is_never_there_is_told_apart() -> None:
    woman = person(1, "female").model_copy(update={"spans": [(0, 6)]})
    man = person(2, "male").model_copy(update={"spans": [(9, 11)]})
    found = full(
        tag("woman", "女人", "person", (0, 6), (9, 9.3)),
        tag("man", "男人", "person", (9.3, 11)),
        tag("riding_bicycle", "骑自行车", "action", (6, 13)),
        tag("street", "街道", "scene", (6, 13)),
        tag("car", "汽车", "element", (10, 12)),
        tag("bicycle", "自行车", "element", (10, 12)),  # the action says it
        tag("cake", "蛋糕", "element", (13, 18)),
        people=(woman, man),
    )
    assert found is not None
    assert found.text == Name(
        zh="一段视频：一个男人在街道上骑自行车，画面中有汽车，另外还有一个女人、蛋糕。",
        en="A video of a man riding bicycle on a street, with a car; also a woman and cake.",
    )
    assert Name(zh="街道上的汽车", en="A car on a street") in found.titles
    assert not any("蛋糕" in title.zh for title in found.titles)


def test_an_action_named_by_a_noun_is_done() -> None:
    found = full(MAN, tag("rock_sign", "摇滚手势", "action"))
    assert found is not None
    assert found.text == Name(zh="一段视频：一个男人做摇滚手势。", en="A video of a man doing rock sign.")


def test_a_picture_is_one_moment() -> None:
    still = person(1, "male").model_copy(update={"spans": [(0, 0)]})
    man, street = tag("man", "男人", "person", (0, 0)), tag("street", "街道", "scene", (0, 0))
    assert caption(man, street, medium="picture", people=(still,)) == "一张图片：一个男人在街道上。"


def test_what_a_caption_joins_shares_a_moment() -> None:
    random = Random(7)
    joined = 0
    for _ in range(300):
        span = [(start := random.uniform(0, 9), start + random.uniform(0.5, 4)) for _ in range(6)]
        faces = [
            person(1, "female").model_copy(update={"spans": [span[0]]}),
            person(2, "male").model_copy(update={"spans": [span[1]]}),
        ][: random.randint(0, 2)]
        facts = choose_facts(
            [
                tag("woman", "女人", "person", span[0]),
                tag("man", "男人", "person", span[1]),
                tag("playing_violin", "拉小提琴", "action", span[2]),
                tag("street", "街道", "scene", span[3]),
                tag("car", "汽车", "element", span[4]),
            ],
            None,
            GRAPH,
            medium="video",
            people=faces,
        )
        when = {
            "woman": span[0],
            "man": span[1],
            "playing_violin": span[2],
            "street": span[3],
            "car": span[4],
        }
        gender = {"female": "woman", "male": "man"}
        who = [gender[one] for one in facts.people.faces]
        who = who or ([facts.people.person.id] if facts.people.person else [])
        clause = [one.id for one in (facts.action, facts.place) if one is not None]
        for one in who:
            spans = [when[name] for name in (one, *clause)]
            assert max(start for start, _ in spans) < min(end for _, end in spans)
            joined += bool(clause)
        for thing in facts.things:
            assert any(
                max(when[name][0] for name in (one, *clause, thing.id))
                < min(when[name][1] for name in (one, *clause, thing.id))
                for one in who
            )
    assert joined > 100


def test_the_sentences_read_well() -> None:
    violin = tag("playing_violin", "拉小提琴", "action")
    found = full(MAN, STREET, CAR, violin)
    assert found is not None
    assert found.text.zh == "一段视频：一个男人在街道上拉小提琴，画面中有汽车。"
    assert found.text.en == "A video of a man playing violin on a street, with a car."
    assert found.titles[0] == Name(zh="一个男人在街道上拉小提琴", en="A man playing violin on a street")
    placed = full(STREET, CAR)
    assert placed is not None
    assert placed.text == Name(
        zh="一段在街道上拍摄的视频：画面中有汽车。", en="A video shot on a street, with a car."
    )


def test_people_are_counted_by_their_faces() -> None:
    assert caption(MAN, people=(person(1, "male"), person(2, "female"))) == "一段视频：一男一女。"
    assert caption(MAN, people=(person(1, "male"), person(2, "male"))) == "一段视频：两个男人。"
    assert caption(MAN, people=tuple(person(n, "male") for n in range(4))) == "一段视频：几个人。"
    assert caption(MAN, people=(person(1, "male", "王小明"),)) == "一段视频：王小明。"
    found = full(MAN, people=(person(1, "male"),))
    assert found is not None
    assert found.signals == ["face.person:1"]


def test_what_is_only_likely_is_said_to_be_so() -> None:
    likely = tag("car", "汽车", "element", score=0.4)
    assert caption(MAN, likely) == "一段视频：一个男人，可能有汽车。"
    assert caption(MAN, tag("car", "汽车", "element", score=0.3)) == "一段视频：一个男人。"
    violin = tag("playing_violin", "拉小提琴", "action", score=0.4)
    found = full(violin)
    assert found is not None
    assert found.text == Name(
        zh="一段视频：可能有人在拉小提琴。", en="A video; someone may be playing violin."
    )


def test_the_kind_of_file_is_named() -> None:
    cat = tag("cat", "猫咪", "element")
    assert (caption(cat, medium="picture") or "").startswith("一张图片")
    assert (caption(tag("talking", "说话", "action", axis="audio"), medium="audio") or "").startswith(
        "一段录音"
    )
    assert (caption(cat, tag("black_and_white", "黑白", "style")) or "").startswith("一段黑白视频")


def test_the_mood_is_the_emotion_of_the_report() -> None:
    tags = (MAN, tag("happy", "开心", "emotion", score=0.5), tag("cute", "可爱", "emotion", score=0.7))
    emotion = Emotion(label="happy", score=0.48, scores={"happy": 0.48})
    found = full(*tags, emotion=emotion)
    assert found is not None
    assert found.paragraph == Name(
        zh="一段视频：一个男人。整体情绪是开心。", en="A video of a man. The mood is happy."
    )
    for other in (None, emotion.model_copy(update={"score": 0.2})):
        silent = full(*tags, emotion=other)
        assert silent is not None
        assert silent.paragraph is not None
        assert "情绪" not in silent.paragraph.zh


def test_no_evidence_no_caption() -> None:
    assert caption() is None
    assert caption(title="宇航员的一天") == "一段视频：标题写着“宇航员的一天”。"
    assert caption(title="268") is None


def test_quotes_are_whole_and_short() -> None:
    found = full(said="今天我们一起来做蛋糕。")
    assert found is not None
    assert found.text.zh == "一段视频：有人说“今天我们一起来做蛋糕。”。"
    assert found.signals == ["speech.segment:0"]
    long = shorten("word " * 40)
    assert len(long) <= 60
    assert long.endswith("word…")


FRAME_ZH = re.compile(
    r"[一张段个位两男女几人的另外还在上里，。、：“”和或与画面中有可能是标题写着说用配整体情绪视频图片录音拍摄黑白]+"
)
FRAME_EN = {
    "a",
    "an",
    "the",
    "video",
    "picture",
    "recording",
    "of",
    "on",
    "in",
    "with",
    "also",
    "and",
    "or",
    "there",
    "may",
    "be",
    "someone",
    "somebody",
    "says",
    "is",
    "set",
    "to",
    "music",
    "shot",
    "that",
    "show",
    "showing",
    "title",
    "screen",
    "reads",
    "mood",
    "two",
    "several",
    "people",
    "man",
    "woman",
    "men",
    "women",
    "black-and-white",
}


@pytest.mark.parametrize("medium", ["video", "picture", "audio"])
@pytest.mark.parametrize("likely", [0.8, 0.4])
def test_every_content_word_is_backed_by_evidence(medium: str, likely: float) -> None:
    tags = [
        MAN,
        STREET,
        tag("car", "汽车", "element", score=likely),
        tag("playing_violin", "拉小提琴", "action", score=likely),
        tag("sky", "天空", "scene"),
        tag("piano", "钢琴曲", "music", axis="audio"),
        tag("happy", "开心", "emotion"),
        tag("black_and_white", "黑白", "style"),
    ]
    found = full(
        *tags,
        medium=medium,
        title="街头音乐会",
        said="大家好，欢迎来到现场。",
        people=(person(1, "male"), person(2, "female")),
        emotion=Emotion(label="happy", score=0.5, scores={"happy": 0.5}),
    )
    assert found is not None
    assert found.paragraph is not None
    named = {one.id: one.name for one in tags if one.id in found.tags}
    for zh, en in [
        (found.text.zh, found.text.en),
        (found.paragraph.zh, found.paragraph.en),
        *((t.zh, t.en) for t in found.titles),
    ]:
        for quote in ("街头音乐会", "大家好，欢迎来到现场。"):
            zh, en = zh.replace(quote, ""), en.replace(quote, "")
        for name in sorted(named.values(), key=lambda one: -len(one.zh)):
            zh, en = zh.replace(name.zh, ""), re.sub(rf"\b{name.en}\b", "", en)
        assert FRAME_ZH.sub("", zh) == "", zh
        assert {word.lower() for word in re.findall(r"[A-Za-z-]+", en)} <= FRAME_EN, en
    assert {"text.line:0", "speech.segment:0"} <= set(found.signals)


def test_both_languages_say_the_same() -> None:
    facts = choose_facts([MAN, CAR], None, GRAPH, medium="video")
    assert len(caption_zh.titles(facts)) == len(caption_en.titles(facts))


def test_one_signal_is_one_reason_for_a_category() -> None:
    sports = [tag("sports", "体育", "topic"), tag("football", "足球", "topic")]
    for one in sports:
        one.evidence[0].signal = "image.label:0"
    chosen = choose_category([*sports, tag("pet", "宠物", "topic")], small_graph(), duration=10)
    assert chosen is not None
    assert chosen.score == 0.4  # half of all support, by a tag of 0.8
    assert [other for other, _ in chosen.alternatives] in (["pet"], ["sports"])


@pytest.mark.weights
def test_a_real_report_is_captioned(sample_report: Report) -> None:
    found = sample_report.caption
    assert found is not None
    assert found.source == "evidence"
    assert found.unsupported == []
    ids = {one.id for one in sample_report.tags}
    assert set(found.tags) <= ids
    signals = {one["id"] for one in sample_report.signals}
    assert set(found.signals) <= signals
    assert found.paragraph is not None
    quoted = re.findall("“[^”]*”", found.paragraph.zh)
    assert quoted
    assert len(quoted) == len(set(quoted))
