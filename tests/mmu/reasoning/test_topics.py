"""Topic clean-up: keep, merge, drop and suggest, each with its reason."""

from mmu.reasoning.fuse import fuse
from mmu.reasoning.observe import observe
from mmu.reasoning.select import to_tags
from mmu.reasoning.settings import load_settings
from mmu.reasoning.topics import judge_topics, normalise_topic, suggest_topics
from mmu.report.schema import TopicDecision
from mmu.signals import Signal, SignalSet, Span
from tests.mmu.reasoning.graphs import small_graph

GRAPH = small_graph()
CAT = Signal("image.object", "cat", 0.95, Span(0, 5), "t@1", attributes={"vocabulary": "coco"})


def decide(topics: list[str], *, texts: list[str] | None = None) -> dict[str, TopicDecision]:
    beliefs = fuse(observe(SignalSet([CAT]), GRAPH, load_settings(), 5.0), GRAPH, load_settings())
    tags = to_tags(beliefs, GRAPH, load_settings())
    decisions = judge_topics(topics, texts=texts or [], support=beliefs, graph=GRAPH)
    decisions += suggest_topics(decisions, tags)
    return {decision.topic: decision for decision in decisions}


def test_normalise_folds_width_case_script_and_decoration() -> None:
    assert normalise_topic("＃貓咪 🐱日常") == normalise_topic("#猫咪日常")
    assert normalise_topic("#Cat-Life") == "catlife"


def test_what_the_picture_supports_is_kept() -> None:
    found = decide(["#猫咪"])["#猫咪"]
    assert (found.action, found.reason, found.concept) == ("keep", "supported", "cat")


def test_synonyms_merge() -> None:
    found = decide(["猫咪", "cat"])
    assert (found["cat"].action, found["cat"].canonical) == ("merge", "猫咪")


def test_traffic_bait_is_dropped() -> None:
    found = decide(["上热门", "FYP", "感谢快手我要上热门"])
    assert {one.reason for name, one in found.items() if one.action == "drop"} == {"traffic_bait"}
    assert sum(one.action == "drop" for one in found.values()) == 3


def test_a_topic_that_nothing_supports_is_dropped() -> None:
    found = decide(["足球"], texts=["今天在家里和它玩了一整天"])["足球"]
    assert (found.action, found.reason) == ("drop", "off_topic")


def test_words_of_the_title_keep_an_unknown_topic() -> None:
    found = decide(["老张的一天"], texts=["记录老张的一天，平凡而快乐"])["老张的一天"]
    assert (found.action, found.reason) == ("keep", "mentioned")


def test_emoji_alone_is_empty() -> None:
    assert decide(["#🔥🔥"])["#🔥🔥"].reason == "empty"


def test_missing_topics_are_suggested_once() -> None:
    assert decide([])["猫咪"].action == "suggest"
    assert all(one.action != "suggest" or one.concept != "cat" for one in decide(["猫咪"]).values())
