"""The stream of posts: decisions for every line, errors for bad ones."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import kg
from mmu.cli import main
from mmu.reasoning.similarity import TopicSimilarity
from mmu.topics.clean import clean_lines
from tests.mmu.reasoning.graphs import small_graph

GRAPH = small_graph()


def test_every_topic_gets_a_decision_and_the_post_is_handed_on() -> None:
    line = json.dumps(
        {"id": 7, "title": "猫咪日常", "topics": ["猫咪", "fyp", "足球"], "text": "今天在家里和它玩"}
    )
    (post,) = clean_lines([line, "\n"], graph=GRAPH)
    assert post["id"] == 7
    assert [one["action"] for one in post["decisions"]] == ["keep", "drop", "drop"]
    assert post["decisions"][1]["reason"] == "traffic_bait"


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{bad", "not JSON"),
        ("[1]", "expected an object"),
        ('{"title": "x"}', "'topics' must be a list of texts"),
        ('{"topics": ["a", 1]}', "'topics' must be a list of texts"),
        ('{"topics": [], "title": 5}', "'title' must be a text, not int"),
        (json.dumps({"topics": ["a"] * 1001}), "1001 topics"),
        ("[" * 100_000, "not JSON"),
    ],
)
def test_a_bad_line_comes_back_with_its_error(line: str, said: str) -> None:
    good = '{"title": "", "topics": ["猫咪"]}'
    first, second = clean_lines([line, good], graph=GRAPH)
    assert "line 1" in first["error"]
    assert said in first["error"]
    assert "decisions" in second


@given(st.text(max_size=60), st.lists(st.text(max_size=20), max_size=12))
def test_any_text_is_decided_on(text: str, topics: list[str]) -> None:
    (post,) = clean_lines([json.dumps({"title": text, "topics": topics})], graph=GRAPH)
    assert [one["topic"] for one in post["decisions"]] == topics


def test_exit_codes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "posts.jsonl"
    file.write_bytes('{"title": "猫咪", "topics": ["猫咪"]}\n'.encode() + b"\xff\xfe\n")
    assert main(["topics", "clean", "--no-embeddings", str(file)]) == 1
    good, bad = map(json.loads, capsys.readouterr().out.splitlines())
    assert good["decisions"][0]["action"] == "keep"
    assert "line 2" in bad["error"]
    monkeypatch.setattr("sys.stdin", io.StringIO('{"topics": []}\n'))
    assert main(["topics", "clean", "--no-embeddings"]) == 0
    assert main(["topics", "clean", "--no-embeddings", str(tmp_path / "none")]) == 2
    assert "none" in capsys.readouterr().err


def test_without_the_encoders_it_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MMU_HOME", str(tmp_path))
    assert main(["topics", "clean", str(tmp_path / "x")]) == 2
    assert "--no-embeddings" in capsys.readouterr().err
    assert main(["topics", "split", "abc"]) == 2
    assert "mmu models pull words-en" in capsys.readouterr().err


@pytest.mark.weights
@pytest.mark.parametrize(
    ("post", "kept"),
    [
        # all fit; one only asks for traffic
        (
            {
                "title": "教大家做红烧肉",
                "text": "五花肉焯水，炒糖色，小火慢炖",
                "topics": ["红烧肉", "美食", "家常菜", "上热门"],
            },
            {"红烧肉", "美食", "家常菜"},
        ),
        # none fits
        (
            {"title": "湖人加时击败凯尔特人，詹姆斯砍下三双", "topics": ["化妆教程", "高考", "新车上市"]},
            set(),
        ),
        # near-synonyms, one of them in English
        (
            {"title": "我家猫咪又拆家了", "topics": ["猫咪日常", "宠物", "cat", "足球"]},
            {"猫咪日常", "宠物", "cat"},
        ),
        # stuffed with popular tags
        (
            {
                "title": "湖人加时击败凯尔特人，詹姆斯砍下三双",
                "topics": ["NBA", "篮球", "美妆", "穿搭", "情感语录", "搞笑", "萌宠", "fyp", "旅行", "股票"],
            },
            {"NBA", "篮球"},
        ),
    ],
)
def test_posts_as_users_write_them(
    post: dict[str, object], kept: set[str], similarity: TopicSimilarity
) -> None:
    (done,) = clean_lines([json.dumps(post)], graph=kg.load(), similarity=similarity)
    found = {one["topic"] for one in done["decisions"] if one["action"] in ("keep", "merge")}
    assert found == kept
