"""Text embeddings in one space for Chinese and English, and what they are read from."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from models.errors import ModelError
from models.store import Store
from models.text_background import mean_vector, stored_mean
from models.text_e5 import E5, MAX_TOKENS
from models.text_embedding import DIMENSIONS, TextEmbedder
from models.text_tokens import Tokenizer, sentencepiece_model
from models.text_use import Use


def cosines(embedder: TextEmbedder, left: list[str], right: list[str]) -> NDArray[np.float32]:
    return embedder.embed(left) @ embedder.embed(right).T


@pytest.mark.weights
def test_the_same_subject_is_nearest_within_and_across_languages(embedder: TextEmbedder) -> None:
    zh = ["足球比赛", "炒股", "化妆教程", "小猫", "做红烧肉", "弹钢琴"]
    en = [
        "football match",
        "stock trading",
        "makeup tutorial",
        "kitten",
        "cooking braised pork",
        "playing piano",
    ]
    found = cosines(embedder, zh, en)
    assert (found.argmax(axis=1) == np.arange(6)).all()
    assert found.diagonal().min() > 0.3
    assert np.median(found[~np.eye(6, dtype=bool)]) < 0.2


@pytest.mark.weights
def test_vectors_have_unit_length_and_do_not_depend_on_the_batch(embedder: TextEmbedder) -> None:
    texts = ["猫", "a long sentence about the weather in the mountains " * 4, "👍", "足球"]
    together = embedder.embed(texts)
    assert together.shape == (4, DIMENSIONS)
    np.testing.assert_allclose(np.linalg.norm(together, axis=1), 1, atol=1e-4)
    alone = np.concatenate([TextEmbedder.embed(embedder, [text]) for text in texts])
    np.testing.assert_allclose(together, alone, atol=0.01)
    fresh = TextEmbedder(Store(), cache=1)
    np.testing.assert_allclose(fresh.embed(["足球"])[0] @ together[3], 1, atol=0.01)


@pytest.mark.weights
def test_the_stored_mean_is_that_of_the_weights() -> None:
    made = mean_vector(E5(Store().file("text-e5-small")))
    assert float(np.abs(made - stored_mean()).max()) < 0.005
    assert float(np.linalg.norm(made)) > 0.8  # two texts have much in common


def test_empty_text_gives_zeros_and_none_gives_none(embedder: TextEmbedder) -> None:
    assert not embedder.embed(["", "  "]).any()
    assert embedder.embed([]).shape == (0, DIMENSIONS)


@pytest.mark.weights
def test_very_long_text_is_cut(embedder: TextEmbedder) -> None:
    network = E5(Store().file("text-e5-small"))
    assert len(network.tokens(["word " * 5000])[0]) == MAX_TOKENS
    # ids as the original vocabulary has them: start, "query", ":", …, end
    assert network.tokens(["hello"])[0] == [0, 41, 1294, 12, 33600, 31, 2]


def test_damaged_files_are_model_errors(tmp_path: Path) -> None:
    bad = tmp_path / "weights"
    bad.write_bytes(b"E5S1" + bytes(100))
    with pytest.raises(ModelError, match="weights"):
        E5(bad)
    with pytest.raises(ModelError, match="USE"):
        Use(bad, bad)


def test_a_vocabulary_becomes_a_sentencepiece_model() -> None:
    pieces = [
        ("<s>", 0.0),
        ("</s>", 0.0),
        ("<unk>", 0.0),
        ("▁", -3.0),
        ("▁ab", -1.0),
        ("c", -2.0),
        ("cc", -3.5),
    ]
    tokenizer = Tokenizer(sentencepiece_model(pieces, unknown=2, controls=(0, 1)))
    assert tokenizer.encode(["abcc", "猫狗 c", ""]) == [[4, 6], [3, 2, 3, 5], []]
    assert 0 not in tokenizer.encode(["<s>"])[0]  # written out it is text
    with pytest.raises(RuntimeError):
        Tokenizer(b"not a model")
