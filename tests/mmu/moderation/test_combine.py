from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from mmu.errors import PolicyError
from mmu.moderation.decide import judge
from mmu.moderation.policy import Policy, load_policy
from mmu.signals import Box, Signal, Span

NAME = {"zh": "名", "en": "name"}


def policy(tmp_path: Path, when: dict[str, Any], **more: Any) -> Policy:
    data = {
        "schema": "mmu.policy/1",
        "name": "test",
        "version": "1",
        "thresholds": {"review": {3: 0.4}},
        "categories": [{"id": "minors", "name": NAME, "severity": 3, "description": NAME}],
        "combinations": [{"id": "both", "category": "minors", "when": when, "score": 0.9}],
        **more,
    }
    path = tmp_path / "policy.yaml"
    path.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return load_policy(path)


def child(start: float, end: float, *, age: float = 9.0, spread: float = 4.0) -> Signal:
    return Signal(
        "face.age", age, 0.9, Span(start, end), "age", Box(5, 5, 40, 40),
        track="t0", attributes={"spread": spread}, id=f"face.age:{start}",
    )  # fmt: skip


def cigarette(start: float, end: float) -> Signal:
    return Signal("image.label", "cigarette", 0.8, Span(start, end), "labels", id=f"image.label:{start}")


SMOKING_CHILD = {
    "all": [
        {"person": {"minor": 0.7}},
        {"signal": {"kind": "image.label", "values": ["cigarette"], "at_least": 0.5}},
    ],
    "within": 3,
}


def test_parts_must_be_near_in_time(tmp_path: Path) -> None:
    rules = policy(tmp_path, SMOKING_CHILD)
    near = judge(rules, signals=[child(0, 4), cigarette(6, 8)])
    assert near.decision == "review"
    (hit,) = near.hits
    assert hit.rule == "both"
    assert hit.span == (0, 8)
    assert hit.box == (5, 5, 40, 40)
    assert judge(rules, signals=[child(0, 4), cigarette(20, 22)]).decision == "pass"
    assert judge(rules, signals=[child(0, 4), cigarette(30, 31), cigarette(5, 6)]).decision == "review"
    assert judge(rules, signals=[child(0, 4)]).decision == "pass"


def test_an_uncertain_age_is_no_minor(tmp_path: Path) -> None:
    rules = policy(tmp_path, SMOKING_CHILD)
    assert judge(rules, signals=[child(0, 4, age=15, spread=12), cigarette(1, 2)]).decision == "pass"
    assert judge(rules, signals=[child(0, 4, age=30), cigarette(1, 2)]).decision == "pass"


def test_none_and_any(tmp_path: Path) -> None:
    when = {
        "any": [{"words": ["打架"]}, {"words": ["斗殴"]}],
        "none": [{"words": ["普法"]}],
    }
    rules = policy(tmp_path, when)
    assert judge(rules, title="校门口斗殴").decision == "review"
    assert judge(rules, title="普法：斗殴要负什么责任").decision == "pass"
    assert judge(rules, title="公园散步").decision == "pass"


def test_nested_and_other_rules(tmp_path: Path) -> None:
    when = {"all": [{"rule": "words.deal"}, {"any": [{"words": ["手表"]}, {"words": ["包包"]}]}]}
    words = [{"id": "words.deal", "category": "minors", "words": ["私聊"], "score": 0.3}]
    rules = policy(tmp_path, when, words=words)
    found = judge(rules, title="复刻手表 私聊")
    assert {hit.rule for hit in found.hits} == {"words.deal", "both"}
    assert "both" not in {hit.rule for hit in judge(rules, title="私聊我").hits}


def test_words_spoken_near_what_is_seen(tmp_path: Path) -> None:
    when = {
        "all": [{"words": ["好喝"]}, {"signal": {"kind": "image.label", "values": ["beer"]}}],
        "within": 2,
    }
    rules = policy(tmp_path, when)
    beer = Signal("image.label", "beer", 0.7, Span(10, 12), "labels", id="b")

    def said(start: float) -> Signal:
        return Signal("speech.segment", "真好喝", 0.9, Span(start, start + 1), "asr", id="s")

    assert judge(rules, signals=[beer, said(12.5)]).decision == "review"
    assert judge(rules, signals=[beer, said(60)]).decision == "pass"
    assert judge(rules, signals=[beer], title="好喝").decision == "review"  # a title holds all the time


def test_shadow_rule_is_reported_and_does_not_count(tmp_path: Path) -> None:
    words = [{"id": "w", "category": "minors", "words": ["私聊"], "score": 0.9, "shadow": True}]
    rules = policy(tmp_path, {"words": ["没有"]}, words=words)
    found = judge(rules, title="私聊")
    assert found.decision == "pass"
    assert [hit.shadow for hit in found.hits] == [True]
    assert found.confidence == {}


@pytest.mark.parametrize(
    ("when", "message"),
    [
        ({"words": ["a"], "rule": "b"}, "exactly one"),
        ({}, "exactly one"),
        ({"none": [{"words": ["a"]}]}, "beside it"),
        ({"all": [{"words": ["a"]}], "within": 3}, "at least two"),
        ({"person": {}}, "named"),
        ({"rule": "nothing"}, "unknown rule 'nothing'"),
        ({"signal": {"kind": "image.nonsense"}}, "image.nonsense"),
        ({"words": ["a = 7"]}, "line 1"),
    ],
)
def test_faults_are_named(tmp_path: Path, when: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        policy(tmp_path, when)
