"""Fusion: what adds, what saturates, and that evidence adds up."""

import math

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from mmu.reasoning.fuse import fuse
from mmu.reasoning.observe import age_buckets, observe
from mmu.reasoning.select import to_tags
from mmu.reasoning.settings import load_settings
from mmu.signals import Signal, SignalSet, Span
from tests.mmu.reasoning.graphs import small_graph

GRAPH = small_graph()
SETTINGS = load_settings()


def label(vocabulary: str, value: str, score: float, kind: str = "image.label") -> Signal:
    return Signal(kind, value, score, Span(0, 1), "test@1", attributes={"vocabulary": vocabulary})


def scores(*signals: Signal, axes: frozenset[str] | None = None) -> dict[str, float]:
    observations = observe(SignalSet(signals), GRAPH, SETTINGS, 10.0)
    return {name: one.score for name, one in fuse(observations, GRAPH, SETTINGS, axes=axes).items()}


def test_one_opinion_is_worth_its_reliability() -> None:
    found = scores(label("coco", "cat", 0.9, "image.object"))
    expected = SETTINGS.sources["coco"].reliability * 0.9 * 0.95
    platt = SETTINGS.calibration
    log_odds = math.log(expected / (1 - expected))
    assert found["cat"] == pytest.approx(
        1 / (1 + math.exp(-(platt.slope * log_odds + platt.offset))), abs=1e-6
    )


def test_shares_of_one_softmax_add() -> None:
    split = scores(label("imagenet1k", "tabby", 0.3), label("imagenet1k", "tiger cat", 0.3))
    assert split["cat"] > scores(label("imagenet1k", "tabby", 0.3))["cat"]


def test_a_repeated_label_is_one_opinion() -> None:
    once = scores(label("imagenet1k", "tabby", 0.5))
    many = scores(*[label("imagenet1k", "tabby", 0.5) for _ in range(50)])
    assert many["cat"] == pytest.approx(once["cat"])


def test_another_axis_adds_more_than_another_source_of_the_same_axis() -> None:
    base = label("imagenet1k", "tabby", 0.4)
    same_axis = scores(base, label("coco", "cat", 0.4, "image.object"))
    title = Signal("user.title", "我家的猫咪", 1.0, None, "user")
    other_axis = scores(base, title)
    assert other_axis["cat"] > scores(base)["cat"]
    assert same_axis["cat"] > scores(base)["cat"]


def test_belief_flows_up_and_across() -> None:
    found = scores(label("coco", "cat", 0.9, "image.object"))
    assert found["cat"] > found["animal"] > found["pet"] > 0


def test_exclusion_takes_from_the_weaker() -> None:
    alone = scores(label("scene", "outdoor", 0.4, "image.scene"))["outdoor"]
    both = scores(label("scene", "outdoor", 0.4, "image.scene"), label("scene", "indoor", 0.9, "image.scene"))
    assert both["outdoor"] < alone
    assert both["indoor"] > both["outdoor"]


def test_axes_choose_evidence() -> None:
    signals = (
        label("coco", "cat", 0.9, "image.object"),
        Signal("face.track", None, 0.9, Span(0, 2), "yunet@1"),
    )
    assert set(scores(*signals, axes=frozenset({"face"}))) == {"person"}


def test_untaggable_concepts_do_not_become_tags() -> None:
    observations = observe(SignalSet([label("coco", "blob", 0.9, "image.object")]), GRAPH, SETTINGS, 1.0)
    beliefs = fuse(observations, GRAPH, SETTINGS)
    assert "thing" in beliefs
    assert to_tags(beliefs, GRAPH, SETTINGS) == []


def test_the_path_names_signal_label_and_concepts() -> None:
    observations = observe(SignalSet([label("coco", "cat", 0.9, "image.object")]), GRAPH, SETTINGS, 1.0)
    tags = {tag.id: tag for tag in to_tags(fuse(observations, GRAPH, SETTINGS), GRAPH, SETTINGS)}
    steps = [(step.kind, step.id) for step in tags["pet"].evidence[0].path]
    assert steps == [
        ("signal", "image.object:0"),
        ("label", "coco:cat"),
        ("concept", "cat"),
        ("concept", "pet"),
    ]


vocabulary_labels = st.sampled_from(
    [("imagenet1k", "tabby", "image.label"), ("imagenet1k", "tiger cat", "image.label")]
    + [("coco", "cat", "image.object"), ("coco", "dog", "image.object"), ("scene", "indoor", "image.scene")]
    + [("scene", "outdoor", "image.scene")]
)


@hypothesis_settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(vocabulary_labels, st.floats(0, 1)), max_size=30), st.text(max_size=40))
def test_evidence_adds_up_to_the_score(found: list[tuple[tuple[str, str, str], float]], title: str) -> None:
    signals = [label(vocabulary, value, score, kind) for (vocabulary, value, kind), score in found]
    signals.append(Signal("user.title", title + "猫咪", 1.0, None, "user"))
    observations = observe(SignalSet(signals), GRAPH, SETTINGS, 10.0)
    tags = to_tags(fuse(observations, GRAPH, SETTINGS), GRAPH, SETTINGS)
    assert any(tag.id == "cat" for tag in tags)
    for tag in tags:
        assert tag.evidence
        assert sum(one.weight for one in tag.evidence) == pytest.approx(tag.score, abs=1e-6)
        assert 0 <= tag.score <= 1


@given(st.floats(0, 100), st.floats(0, 30))
def test_age_buckets_are_a_distribution(years: float, spread: float) -> None:
    buckets = age_buckets(years, spread)
    assert all(0 <= value <= 1 for value in buckets.values())
    assert sum(buckets.values()) <= 1 + 1e-9
    assert max(age_buckets(6, 3), key=age_buckets(6, 3).__getitem__) == "child"
