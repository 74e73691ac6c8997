"""Captions say only what the evidence shows, heard or read; categories count a signal once."""

from mmu.reasoning.caption import write_caption
from mmu.reasoning.category import choose_category
from mmu.report.schema import Category, Evidence, EvidenceStep, Name, Tag, TextLine
from tests.mmu.reasoning.graphs import small_graph


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
    return Tag(id=name, name=Name(zh=zh, en=name), facet=facet, score=score, spans=shown, evidence=evidence)


def caption(
    *tags: Tag, medium: str = "video", category: Category | None = None, title: str = ""
) -> str | None:
    lines = [TextLine(start=0, end=1, text=title, role="title", signal="text.line:0")] if title else []
    found = write_caption(list(tags), category, medium=medium, transcript=[], lines=lines)
    return found.text.zh if found else None


def test_what_only_the_user_says_is_not_said() -> None:
    assert caption(tag("cake", "蛋糕", "element", axis="user")) is None
    assert "蛋糕" in (caption(tag("cake", "蛋糕", "element")) or "")


def test_a_sound_is_not_shown() -> None:
    assert caption(tag("dog", "小狗", "element", axis="audio"), medium="audio") is None


def test_what_happens_apart_is_not_joined() -> None:
    apart = caption(tag("person", "人物", "person", (0, 5)), tag("street", "街道", "scene", (6, 9)))
    assert apart == "一段视频：人物。"
    together = caption(tag("person", "人物", "person", (0, 5)), tag("street", "街道", "scene", (3, 9)))
    assert together == "一段视频：人物在街道。"


def test_the_kind_of_file_is_named() -> None:
    cat = tag("cat", "猫咪", "element")
    assert (caption(cat, medium="picture") or "").startswith("一张图片")
    assert (caption(tag("talking", "说话", "action", axis="audio"), medium="audio") or "").startswith(
        "一段音频"
    )


def test_no_evidence_no_caption() -> None:
    assert caption() is None
    assert caption(title="标题") == "一段视频；标题文字“标题”。"


def test_one_signal_is_one_reason_for_a_category() -> None:
    sports = [tag("sports", "体育", "topic"), tag("football", "足球", "topic")]
    for one in sports:
        one.evidence[0].signal = "image.label:0"
    chosen = choose_category([*sports, tag("pet", "宠物", "topic")], small_graph(), duration=10)
    assert chosen is not None
    assert chosen.score == 0.4  # half of all support, by a tag of 0.8
    assert [other for other, _ in chosen.alternatives] in (["pet"], ["sports"])
