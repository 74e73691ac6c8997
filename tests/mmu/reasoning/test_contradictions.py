"""Where a title and its video disagree, and where they only seem to."""

import pytest

import kg
from mmu.moderation.decide import decide
from mmu.moderation.policy import load_policy
from mmu.reasoning.contradictions import as_signal, find_contradictions
from mmu.reasoning.observe import observe
from mmu.reasoning.settings import load_settings
from mmu.report.schema import Contradiction
from mmu.signals import Signal, SignalSet, Span

GRAPH = kg.load()
SETTINGS = load_settings()


def seen(vocabulary: str, value: str, score: float = 0.95, kind: str = "image.object") -> Signal:
    return Signal(kind, value, score, Span(0, 10), "test@1", attributes={"vocabulary": vocabulary})


def disagreements(title: str, *signals: Signal) -> list[Contradiction]:
    given = SignalSet([Signal("user.title", title, None, None, "user"), *signals])
    return find_contradictions(observe(given, GRAPH, SETTINGS, 10.0), GRAPH, SETTINGS, title=title)


PIZZA = (seen("coco", "pizza"), seen("imagenet1k", "pizza", 0.9, "image.label"))


@pytest.mark.parametrize("title", ["昨晚的足球比赛集锦", "Best football goals of the week"])
def test_football_in_the_title_and_food_in_the_picture_disagree(title: str) -> None:
    (found,) = disagreements(title, *PIZZA)
    assert found.kind == "title_content"
    assert found.score >= 0.4
    assert found.claimed.axes == ["user"]
    assert found.found.axes == ["image"]
    assert "pizza" in found.found.concepts
    assert "披萨" in found.text.zh or "比萨" in found.text.zh
    assert "pizza" in found.text.en


@pytest.mark.parametrize(
    "title",
    [
        "",
        "今天真开心",
        "自制披萨教程",
        "Cooking dinner at home",
        "超好吃的美食探店",
        "看足球吃披萨",
    ],
)
def test_what_agrees_or_says_nothing_is_no_disagreement(title: str) -> None:
    assert disagreements(title, *PIZZA) == []


def test_a_picture_in_which_little_is_recognised_proves_nothing() -> None:
    assert disagreements("昨晚的足球比赛集锦", seen("coco", "pizza", 0.3)) == []
    assert disagreements("昨晚的足球比赛集锦") == []


def test_a_word_on_screen_may_speak_for_the_title() -> None:
    line = Signal("text.line", "足球之夜", 0.95, Span(0, 3), "ocr@1", attributes={"role": "title"})
    assert disagreements("昨晚的足球比赛集锦", *PIZZA, line) == []


def test_a_rule_of_the_policy_makes_it_a_modest_hit() -> None:
    (found,) = disagreements("昨晚的足球比赛集锦", *PIZZA)
    certain = found.model_copy(update={"score": 0.7})
    verdict = decide(load_policy(), signals=[as_signal(certain)])
    (hit,) = verdict.hits
    assert (hit.rule, hit.category, hit.severity) == ("title.mismatch", "clickbait", 1)
    assert verdict.decision == "review"
    doubtful = found.model_copy(update={"score": 0.4})
    assert decide(load_policy(), signals=[as_signal(doubtful)]).decision == "pass"
