"""Classes known by their names alone."""

from __future__ import annotations

import pytest

from mmu.topics.zero_shot import ZeroShot
from models.text_embedding import TextEmbedder


@pytest.mark.weights
def test_titles_go_to_the_class_they_are_about(embedder: TextEmbedder) -> None:
    classes = ["足球", "烹饪", "股票", "化妆"]
    titles = [
        "点球大战守门员扑出关键一球",
        "红烧排骨怎么做才入味",
        "沪指收盘下跌两个点",
        "新手画眼线总是手抖",
    ]
    assert ZeroShot(embedder, classes).classify(titles) == [0, 1, 2, 3]
