"""Topic clean-up: keep, merge, drop and suggest, each with its reason."""

from collections.abc import Sequence

import pytest

import kg
from mmu.reasoning.fuse import fuse
from mmu.reasoning.observe import observe
from mmu.reasoning.select import to_tags
from mmu.reasoning.settings import load_settings
from mmu.reasoning.similarity import PIECE, TopicSimilarity, pieces
from mmu.reasoning.topic_match import match_topics, shared_part
from mmu.reasoning.topics import is_topical, judge_topics, normalise_topic, suggest_topics
from mmu.report.schema import Evidence, EvidenceStep, Name, Tag, TopicDecision
from mmu.signals import Signal, SignalSet, Span
from mmu.topics.segment import Segmenter
from models.text_embedding import TextEmbedder
from models.word_counts import WordCounts
from tests.mmu.reasoning.graphs import small_graph

GRAPH = small_graph()
CAT = Signal("image.object", "cat", 0.95, Span(0, 5), "t@1", attributes={"vocabulary": "coco"})


def decide(topics: list[str], *, texts: list[str] | None = None) -> dict[str, TopicDecision]:
    beliefs = fuse(observe(SignalSet([CAT]), GRAPH, load_settings(), 5.0), GRAPH, load_settings())
    tags = to_tags(beliefs, GRAPH, load_settings())
    decisions = judge_topics(topics, texts=texts or [], support=beliefs, graph=GRAPH)
    decisions += suggest_topics(decisions, tags, GRAPH)
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


def test_furniture_and_everyday_acts_are_not_suggested() -> None:
    graph = kg.load()
    plain = ("table", "chair", "sofa", "cup", "room", "indoor", "speaking", "sitting", "smiling", "subtitle")
    told = ("cat", "coffee", "bicycle", "beach", "riding_bicycle", "acoustic_guitar", "food", "cartoon")
    assert [one for one in plain if is_topical(one, graph)] == []
    assert [one for one in told if not is_topical(one, graph)] == []
    table = tag_of("table", graph)
    assert suggest_topics([], [table, tag_of("cat", graph)], graph)[0].concept == "cat"
    assert suggest_topics([], [table], graph) == []


def tag_of(concept: str, graph: kg.Graph) -> Tag:
    node = graph.concepts[concept]
    step = EvidenceStep(kind="signal", id="image.object:0", text=concept)
    seen = Evidence(axis="image", weight=0.9, signal=step.id, source="t@1", path=[step])
    return Tag(id=concept, name=Name(zh=node.zh, en=node.en), facet=node.facet, score=0.9, evidence=[seen])


def test_missing_topics_are_suggested_once() -> None:
    assert decide([])["猫咪"].action == "suggest"
    assert all(one.action != "suggest" or one.concept != "cat" for one in decide(["猫咪"]).values())


NEWS = "德国队赢了，穆勒上演帽子戏法，葡萄牙少一人作战，裁判漏判一个点球"


def judge(topics: list[str], text: str, similarity: TopicSimilarity | None) -> dict[str, TopicDecision]:
    decisions = judge_topics(topics, texts=[text], support={}, graph=GRAPH, similarity=similarity)
    return {one.topic: one for one in decisions}


@pytest.mark.weights
def test_a_topic_is_kept_for_its_meaning_where_words_are_not_enough(similarity: TopicSimilarity) -> None:
    topics = ["世界杯足球赛", "新娘化妆", "红烧肉的做法", "钢琴独奏", "stock market"]
    by_meaning = judge(topics, NEWS, similarity)
    assert [name for name, one in by_meaning.items() if one.action == "keep"] == ["世界杯足球赛"]
    assert by_meaning["世界杯足球赛"].reason == "supported"
    assert all(one.action == "drop" for one in judge(topics, NEWS, None).values())


@pytest.mark.weights
def test_a_topic_in_another_language_is_kept(similarity: TopicSimilarity) -> None:
    found = judge(["足球比赛"], "Germany won the football match with a hat-trick", similarity)
    assert found["足球比赛"].action == "keep"


RECIPE = "五花肉切块冷水下锅焯水，炒糖色，加生抽老抽和冰糖小火慢炖一个小时，最后大火收汁"


@pytest.mark.weights
def test_among_many_topics_those_that_are_meant_are_kept(similarity: TopicSimilarity) -> None:
    right, wrong = (
        ["红烧肉", "家常菜做法"],
        ["NBA总决赛", "高考加油", "新车上市", "化妆教程", "股票大跌", "世界杯", "电影推荐"],
    )
    found = judge([*right, *wrong], RECIPE, similarity)
    assert found["红烧肉"].action == "keep"
    assert [one for one in wrong if found[one].action == "keep"] == []


@pytest.mark.weights
def test_topics_of_which_none_fits_are_all_dropped(similarity: TopicSimilarity) -> None:
    wrong = ["NBA总决赛", "新车上市", "化妆教程"]
    assert {one.action for one in judge(wrong, RECIPE, similarity).values()} == {"drop"}


def test_a_lead_over_rivals_counts_among_many_only() -> None:
    text, topics = "今天的事情很特别啊", ["aa", "bb", "cc", "dd", "ee", "ff"]
    leading, even = [0.35, 0.1, 0.12, 0.1, 0.1, 0.1], [0.1] * 6

    def belong(topics: list[str], cosines: list[float], text: str) -> list[bool]:
        def closely(places: Sequence[int]) -> list[float]:
            return [cosines[place] for place in places]

        return [one.belongs for one in match_topics(topics, cosines, closely, text)]

    assert belong(topics, leading, text) == [True, *[False] * 5]
    assert not any(belong(topics, even, text))
    assert not any(belong(topics[:2], leading[:2], ""))


def test_the_slow_encoder_decides_where_the_quick_one_is_in_doubt() -> None:
    text, topics = "今天的事情很特别啊", ["甲乙丙丁", "戊己庚辛", "壬癸子丑"]
    asked: list[list[int]] = []

    def kept(quick: list[float], slow: float) -> list[bool]:
        def closely(places: Sequence[int]) -> list[float]:
            asked.append(list(places))
            return [slow] * len(places)

        return [one.belongs for one in match_topics(topics, quick, closely, text)]

    assert kept([0.9, -0.5, -0.5], 0.0) == [True, False, False]
    assert asked == []  # nothing was in doubt
    assert kept([0.25, -0.5, -0.5], 0.9)[0]
    assert not kept([0.25, -0.5, -0.5], -0.9)[0]
    assert asked == [[0], [0]]


@pytest.mark.weights
def test_what_is_nearest_is_found_quickly_too(similarity: TopicSimilarity) -> None:
    topics, names = ["猫咪", "足球比赛", "量子力学"], ["小猫", "football match", "烹饪", "汽车"]
    slowly, quickly = similarity.to_names(topics, names), similarity.to_names(topics, names, near=0.5)
    assert (slowly >= 0.5).tolist() == [True, True, False] == (quickly >= 0.5).tolist()
    assert quickly[:2] == pytest.approx(slowly[:2], abs=0.02)


def test_the_encoder_is_not_loaded_without_topics() -> None:
    def never() -> TextEmbedder:
        raise AssertionError("loaded")

    assert judge([], "今天的事情很特别啊", TopicSimilarity(never)) == {}
    assert judge(["上热门"], "今天的事情很特别啊", TopicSimilarity(never))["上热门"].reason == "traffic_bait"


def test_many_topics_that_cannot_be_checked_are_not_all_kept() -> None:
    few, many = [f"话{n}题{n}事" for n in range(3)], [f"话{n}题{n}事" for n in range(9)]
    assert {one.reason for one in judge(few, "", None).values()} == {"unverified"}
    assert {one.reason for one in judge(many, "", None).values()} == {"off_topic"}


def test_joined_english_words_name_a_concept() -> None:
    counts = WordCounts({"my": -3.0, "cat": -6.0}, {}, frozenset({"my", "cat"}))
    words = Segmenter(counts)
    (found,) = judge_topics(
        ["#mycatmycat"], texts=["my cat my cat plays"], support={}, graph=GRAPH, segmenter=words
    )
    assert (found.action, found.canonical) == ("keep", "my cat my cat")


def test_text_is_cut_between_sentences() -> None:
    found = pieces(["第一句。" * 80, "x" * (2 * PIECE)])
    assert all(len(piece) <= PIECE for piece in found)
    assert found[0].endswith("。")
    assert pieces(["", " "]) == []
    assert shared_part("王诗龄", "每天搜一搜王诗龄哦") == 1
    assert shared_part("王诗龄", "王") == 0
