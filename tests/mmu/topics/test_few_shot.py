"""Classes learned from a few texts each."""

from __future__ import annotations

import numpy as np
import pytest

from mmu.errors import ConfigError
from mmu.topics.few_shot import FewShot
from models.text_embedding import TextEmbedder

TAUGHT = {
    "cats": ["猫咪洗澡", "橘猫打架", "my cat sleeps all day", "小猫学走路"],
    "cars": ["新车试驾", "二手车怎么挑", "electric car review", "汽车保养知识"],
    "food": ["红烧肉做法", "早餐吃什么", "easy noodle recipe", "自制蛋糕"],
}


@pytest.mark.weights
def test_a_few_texts_teach_a_class(embedder: TextEmbedder) -> None:
    texts = [text for group in TAUGHT.values() for text in group]
    labels = [number for number, group in enumerate(TAUGHT.values()) for _ in group]
    model = FewShot(embedder, texts, labels)
    assert model.classify(["家里的猫又闯祸了", "这辆SUV油耗多少", "how to cook rice"]) == [0, 1, 2]
    assert np.allclose(model.probabilities(["猫"]).sum(axis=1), 1)


def test_examples_that_teach_nothing_are_refused() -> None:
    class Never:
        def embed(self, texts: object) -> object:
            raise AssertionError(texts)

    with pytest.raises(ConfigError, match="2 texts with 1 labels"):
        FewShot(Never(), ["a", "b"], [0])  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="at least two classes"):
        FewShot(Never(), ["a", "b"], [0, 0])  # type: ignore[arg-type]
