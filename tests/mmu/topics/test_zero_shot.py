"""Classes known by their names alone."""

from __future__ import annotations

import pytest

from mmu.topics.zero_shot import ZeroShot
from models.text_embedding import TextEmbedder


@pytest.mark.weights
def test_titles_go_to_the_class_they_are_about(embedder: TextEmbedder) -> None:
    classes = ["体育", "美食", "股票", "教育"]
    titles = ["决赛加时绝杀夺冠", "红烧排骨怎么做才入味", "沪指收盘下跌两个点", "高考志愿填报指南"]
    assert ZeroShot(embedder, classes).classify(titles) == [0, 1, 2, 3]
