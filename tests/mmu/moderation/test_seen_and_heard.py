"""Rules of the shipped policy over what is seen and heard, and over people."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmu.moderation.decide import Judgement, judge
from mmu.moderation.policy import Policy, load_policy
from mmu.report.schema import Evidence, EvidenceStep, Name, Tag
from mmu.signals import Box, Signal, Span


@pytest.fixture(scope="module")
def policy() -> Policy:
    return load_policy()


def rules(found: Judgement) -> dict[str, str]:
    """Rule -> the category that it hit."""
    return {hit.rule: hit.category for hit in found.hits}


def line(text: str, role: str) -> Signal:
    return Signal(
        "text.line", text, 0.97, Span(0, 9), "ocr", Box(20, 20, 120, 40), attributes={"role": role}, id="l0"
    )


@pytest.mark.parametrize("mark", ["抖音", "小红书号：8839", "TikTok", "bilibili", "哔哩哔哩"])
def test_the_watermark_of_another_platform(policy: Policy, mark: str) -> None:
    found = judge(policy, signals=[line(mark, "watermark")])
    assert rules(found) == {"watermark.other_platform": "copied_work"}
    assert found.hits[0].box == (20, 20, 120, 40)
    # by itself it is too little to ask a person; with words that say so it is enough
    assert found.decision == "pass"
    more = judge(policy, signals=[line(mark, "watermark")], title="搬运影视 全集免费看")
    assert (more.decision, more.category) == ("review", "copied_work")
    # said in a subtitle, it is a topic
    assert "watermark.other_platform" not in rules(judge(policy, signals=[line(mark, "subtitle")]))
    assert rules(judge(policy, signals=[line("@小厨娘", "watermark")])) == {}


def face(name: str | None, match: float) -> Signal:
    known: dict[str, Any] = {"name": name, "match": match} if name else {}
    return Signal(
        "face.person", "person0", 0.95, Span(2, 8), "faces", Box(30, 30, 90, 90), attributes=known, id="f0"
    )


def test_listed_people(tmp_path: Path) -> None:
    name = {"zh": "名", "en": "name"}
    data = {
        "schema": "mmu.policy/1", "name": "listed", "version": "1", "thresholds": {"review": {4: 0.5}},
        "categories": [{"id": "political", "name": name, "severity": 4, "description": name}],
        "people": [{"id": "listed", "category": "political", "names": ["Somebody"], "score": 0.9}],
    }  # fmt: skip
    (tmp_path / "p.yaml").write_text(yaml.safe_dump(data), "utf-8")
    listed = load_policy(tmp_path / "p.yaml")
    found = judge(listed, signals=[face("Somebody", 0.9)])
    assert found.decision == "review"
    (hit,) = found.hits
    assert (hit.rule, hit.axis, hit.text, hit.span, hit.box) == (
        "listed",
        "face",
        "Somebody",
        (2, 8),
        (30, 30, 90, 90),
    )
    assert hit.score == pytest.approx(0.81)
    assert judge(listed, signals=[face("Somebody", 0.4)]).decision == "pass"  # hardly the same face
    for other in (face("Somebody Else", 0.95), face(None, 0.0)):
        assert judge(listed, signals=[other]).hits == ()


def seen(concept: str, score: float, axis: str = "image") -> Tag:
    step = EvidenceStep(kind="signal", id="s", text=concept)
    evidence = Evidence(axis=axis, weight=0.9, signal="s", source="m", path=[step], span=(4.0, 6.0))  # type: ignore[arg-type]
    return Tag(id=concept, name=Name(zh="物", en=concept), facet="element", score=score, evidence=[evidence])


def child(age: float, spread: float) -> Signal:
    return Signal(
        "face.age",
        age,
        0.9,
        Span(3, 9),
        "age",
        Box(5, 5, 40, 40),
        track="t0",
        attributes={"spread": spread},
        id="a0",
    )


@pytest.mark.parametrize("drink", ["beer", "wine", "alcohol"])
def test_alcohol_matters_with_a_likely_minor(policy: Policy, drink: str) -> None:
    alone = judge(policy, tags=[seen(drink, 0.9)])
    assert (alone.decision, rules(alone)) == ("pass", {"picture.alcohol": "minors_improper"})
    assert judge(policy, tags=[seen(drink, 0.7)]).hits == ()  # not sure enough to be named
    both = judge(policy, tags=[seen(drink, 0.9)], signals=[child(11, 3)])
    assert (both.decision, both.category) == ("review", "minors_improper")
    assert "minor.alcohol" in rules(both)
    for other in (child(35, 4), child(16, 9)):  # an adult; an estimate that could be either
        assert judge(policy, tags=[seen(drink, 0.9)], signals=[other]).decision == "pass"
    assert judge(policy, tags=[seen(drink, 0.9, "user")]).hits == ()  # only named in the title


def test_smoking_of_a_likely_minor(policy: Policy) -> None:
    assert judge(policy, tags=[seen("smoking", 0.9)]).decision == "pass"
    both = judge(policy, tags=[seen("smoking", 0.9)], signals=[child(12, 3)])
    assert (both.decision, both.category) == ("review", "minors_improper")


def loud(lufs: float) -> Signal:
    return Signal("audio.loudness", lufs, None, Span(0, 20), "r128", attributes={"peak_dbfs": -0.1}, id="n0")


def test_loud_sound_is_told_and_does_not_decide(policy: Policy) -> None:
    found = judge(policy, signals=[loud(-3.5)])
    assert (found.decision, rules(found)) == ("pass", {"sound.too_loud": "dangerous"})
    assert found.hits[0].axis == "audio"
    for quiet in (-6.0, -14.0, -70.0):
        assert judge(policy, signals=[loud(quiet)]).hits == ()


def test_harmful_sound(policy: Policy) -> None:
    def heard(event: str, score: float) -> Signal:
        return Signal("audio.event", event, score, Span(5, 6), "sounds", id=f"{event}0")

    one = judge(policy, signals=[heard("gunshot", 0.9)])
    assert (one.decision, rules(one)) == ("pass", {"sound.harmful": "violence"})
    more = judge(policy, signals=[heard("gunshot", 0.9), heard("screaming", 0.9), heard("explosion", 0.9)])
    assert (more.decision, more.category) == ("review", "violence")
    assert judge(policy, signals=[heard("gunshot", 0.3), heard("applause", 0.99)]).hits == ()
