"""The Chinese lexer on its real weights, and the reader of PaddlePaddle's parameters."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest

from models.convert import convert
from models.convert.paddle import read_tensor
from models.errors import ModelError
from models.lac import WINDOW, Lexer
from models.store import Store


def parameter(path: Path, values: np.ndarray, *, kind: int = 5, packed: bool = False) -> Path:
    """A file as PaddlePaddle 1.x writes it; sizes one by one, or packed as later versions do."""
    if packed:
        sizes = bytes(values.shape)
        description = bytes([8, kind, 18, len(sizes)]) + sizes
    else:
        description = bytes([8, kind]) + b"".join(bytes([16, size]) for size in values.shape)
    path.write_bytes(struct.pack("<IQIi", 0, 0, 0, len(description)) + description + values.tobytes())
    return path


@pytest.mark.parametrize("packed", [False, True])
def test_a_parameter_is_read_with_its_shape(tmp_path: Path, packed: bool) -> None:
    values = np.arange(6, dtype="<f4").reshape(2, 3)
    assert np.array_equal(read_tensor(parameter(tmp_path / "w", values, packed=packed)), values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"short", "too short"),
        (struct.pack("<IQIi", 1, 0, 0, 4) + bytes(4), "not a parameter"),
        (struct.pack("<IQIi", 0, 0, 0, 9) + bytes(4), "not a parameter"),
        (struct.pack("<IQIi", 0, 0, 0, 2) + bytes([8, 0x80]), "ends too early"),
    ],
)
def test_what_is_no_parameter_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "w").write_bytes(content)
    with pytest.raises(ValueError, match=message):
        read_tensor(tmp_path / "w")


def test_a_conversion_names_the_wrong_type(tmp_path: Path) -> None:
    path = parameter(tmp_path / "w", np.zeros((1, 2), "<f4"), kind=3)
    with pytest.raises(ModelError, match="not float32"):
        convert("lac", {"word_emb": path})


@pytest.fixture(scope="module")
def lexer() -> Lexer:
    return Lexer(Store().folder("lac"))


@pytest.mark.weights
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # the words and tags that LAC's own documentation gives for this sentence
        ("LAC是个优秀的分词工具", ["LAC/nz", "是/v", "个/q", "优秀/a", "的/u", "分词/n", "工具/n"]),
        ("今天在成都春熙路吃火锅", ["今天/TIME", "在/p", "成都/LOC", "春熙路/LOC", "吃/v", "火锅/n"]),
        ("张涵予出演《团长》", ["张涵予/PER", "出演/v", "《/w", "团长/nw", "》/w"]),
    ],
)
def test_words_and_tags(lexer: Lexer, text: str, expected: list[str]) -> None:
    assert [f"{word.text}/{word.tag}" for word in lexer.tag(text)] == expected


@pytest.mark.weights
def test_offsets_cover_long_texts_and_odd_characters(lexer: Lexer) -> None:
    text = "李宇春在成都唱歌。" * 60 + " 😀\n與 ＡＢＣ"
    words = lexer.tag(text)
    assert len(text) > 2 * WINDOW
    assert all(text[word.start : word.end] == word.text for word in words)
    assert "".join("".join(word.text for word in words).split()) == "".join(text.split())
    assert sum(word.tag == "PER" for word in words) == 60
    assert lexer.tag("") == []


@pytest.mark.weights
def test_dictionaries_that_are_none_are_refused(tmp_path: Path) -> None:
    folder = Store().folder("lac")
    (tmp_path / "lac.onnx").write_bytes((folder / "lac.onnx").read_bytes())
    (tmp_path / "word.dic").write_text("no tabs here")
    with pytest.raises(ModelError, match="not the dictionaries"):
        Lexer(tmp_path)
