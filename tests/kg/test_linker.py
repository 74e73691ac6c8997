from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kg
from kg.linker import Linker, normalise, plural


@pytest.fixture(scope="module")
def graph():
    return kg.load()


def ids(graph, text):
    return [mention.concept for mention in graph.link(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("带狗狗去公园", ["dog", "park"]),
        ("做饭的小男孩", ["cooking", "boy"]),
        ("我喜歡籃球和羽毛球", ["basketball", "badminton"]),
        ("Ｄｏｇ　ＰＵＰＰＹ", ["dog", "puppy"]),
        ("puppies in the snow", ["puppy", "snow"]),
        ("catalogue of scattered dogmas", []),
        ("hot dog", ["hot_dog"]),
        ("#街舞 #吃播", ["hip_hop_dance", "mukbang"]),
        ("playing guitar", ["playing_guitar"]),
        ("长颈鹿", ["giraffe"]),
    ],
)
def test_finds_the_longest_names(graph, text, expected):
    assert ids(graph, text) == expected


@pytest.mark.parametrize(
    ("text", "concept", "found"),
    [
        ("猫", "cat", True),
        ("一只猫。", "cat", False),
        ("#猫 #狗", "cat", True),
        ("熊猫", "cat", False),
        ("马上开始", "horse", False),
    ],
)
def test_a_single_character_must_stand_alone(graph, text, concept, found):
    assert (concept in ids(graph, text)) is found


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("这不是狗狗", "dog"),
        ("没有篮球的日子", "basketball"),
        ("this is not a dog", "dog"),
        ("pizza without cheese", "cheese"),
        ("there are no cars here", "car"),
        ("it isn't a cat", "cat"),
    ],
)
def test_negated_mentions_are_dropped(graph, text, concept):
    assert concept not in ids(graph, text)


@pytest.mark.parametrize(
    ("text", "concept"),
    [
        ("是不是篮球", "basketball"),
        ("不仅有篮球", "basketball"),
        ("没想到吧，狗狗会游泳", "dog"),
        ("not only a dog", "dog"),
        ("no way! a dog", "dog"),
    ],
)
def test_what_only_looks_like_negation_is_kept(graph, text, concept):
    assert concept in ids(graph, text)


def test_discouraged_mentions_count_less(graph):
    (plain,) = [m for m in graph.link("吸烟") if m.concept == "smoking"]
    (warned,) = [m for m in graph.link("禁止吸烟") if m.concept == "smoking"]
    assert 0 < warned.weight < plain.weight


def test_guards_consume_their_text(graph):
    assert "street_food" not in ids(graph, "从小吃到大")
    assert "street_food" in ids(graph, "北京小吃")


def test_ambiguous_aliases_have_lower_weight(graph):
    (mention,) = graph.link("watch")
    assert mention.weight < 0.5


def test_shared_aliases_yield_each_concept_with_its_weight():
    linker = Linker([("bank", "finance_bank", 0.6), ("bank", "river_bank", 0.3)])
    assert [(m.concept, m.weight) for m in linker.link("a bank")] == [
        ("finance_bank", 0.6),
        ("river_bank", 0.3),
    ]


def test_weight_zero_never_links():
    assert Linker([("english", "english", 0.0)]).link("english") == []


def test_offsets_refer_to_the_original_text(graph):
    text = "㍿ ＤＯＧ 與 貓咪"
    for mention in graph.link(text):
        assert normalise(text[mention.start : mention.end]) == mention.alias
    assert [m.concept for m in graph.link(text)] == ["dog", "cat"]


@given(st.text(max_size=60))
def test_any_text_links_without_overlap_and_within_bounds(text):
    mentions = kg.load().link(text)
    spans = sorted({(m.start, m.end) for m in mentions})
    assert all(0 <= start < end <= len(text) for start, end in spans)
    assert all(first[1] <= second[0] for first, second in pairwise(spans))
    assert all(0 < m.weight <= 1 for m in mentions)


@given(st.sampled_from(["狗狗", "basketball", "puppy"]), st.text(alphabet=" ，。!#\n", max_size=5))
def test_a_name_between_separators_is_found(name, separator):
    assert kg.load().link(separator + name + separator)


def test_plurals():
    assert [plural(word) for word in ("dog", "bus", "puppy", "boy", "beach")] == [
        "dogs",
        "buses",
        "puppies",
        "boys",
        "beaches",
    ]
