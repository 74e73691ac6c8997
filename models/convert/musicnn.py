"""musicnn's checkpoints to ONNX.

Source of the network: Pons and Serra, "musicnn: pre-trained convolutional
neural networks for music audio tagging", ISMIR 2019 (late breaking).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph
from models.convert.tensorflow import read_checkpoint

MELS, EMBEDDING = 96, 200
_EPSILON = 1e-3  # of TensorFlow's batch normalisation
Weights = Mapping[str, NDArray[np.float32]]


def convert(inputs: Mapping[str, Path]) -> bytes:
    """Convert a checkpoint given as two files, `….index` and `….data`.

    Input `mel` (n, frames, 96) is log10(1 + 10000 mel power); 187 frames (3 s) are what it was trained on.
    Outputs are `tags` (n, 50), probabilities, and `embedding` (n, 200).

    Raises:
        ValueError: not a checkpoint of this network.
    """
    files = {name.rpartition(".")[2]: path.read_bytes() for name, path in inputs.items()}
    weights = read_checkpoint(files["index"], files["data"])
    return _Network(weights).build().serialize()


class _Network:
    """The layers in the order in which TensorFlow numbered their variables."""

    def __init__(self, weights: Weights) -> None:
        self.weights = weights
        self.graph = Graph("musicnn")
        self._seen: dict[str, int] = {}

    def build(self) -> Graph:
        graph = self.graph
        mel = graph.input("mel", ["n", "frames", MELS])
        image = self.norm(graph.node("Unsqueeze", mel, np.array([1], np.int64)))
        front = [self.front(image, pads=[3, 0, 3, 0]) for _ in range(2)]
        front += [self.front(image, pads=None) for _ in range(3)]
        features = graph.node("Concat", *front, axis=1)
        first = self.middle(features)
        second = graph.node("Add", self.middle(first), first)
        third = graph.node("Add", self.middle(second), second)
        dense = graph.node("Concat", features, first, second, third, axis=1)
        largest = graph.node("ReduceMax", dense, axes=[2], keepdims=1)
        mean = graph.node("ReduceMean", dense, axes=[2], keepdims=1)
        pooled = self.norm(graph.node("Flatten", graph.node("Concat", largest, mean, axis=2), axis=1))
        embedding = self.norm(graph.node("Relu", self.dense(pooled)))
        tags = graph.node("Sigmoid", self.dense(embedding))
        count = int(self.weights["dense_1/bias"].shape[0])
        graph.output(tags, "tags", ["n", count])
        graph.output(embedding, "embedding", ["n", EMBEDDING])
        return graph

    def front(self, value: str, *, pads: list[int] | None) -> str:
        """Convolve over time and mel bands, then keep the strongest band: (n, filters, frames)."""
        name = self.next("conv2d")
        kernel = self.weights[f"{name}/kernel"].transpose(3, 2, 0, 1)  # HWIO to OIHW
        bias = self.weights[f"{name}/bias"]
        if pads is None:
            value = self.graph.node("Conv", value, kernel, bias, auto_pad="SAME_UPPER")
        else:
            value = self.graph.node("Conv", value, kernel, bias, pads=pads)
        value = self.norm(self.graph.node("Relu", value))
        return self.graph.node("ReduceMax", value, axes=[3], keepdims=0)

    def middle(self, value: str) -> str:
        """Convolve over 7 frames: (n, 64, frames)."""
        name = self.next("conv2d")
        kernel = self.weights[f"{name}/kernel"][:, :, 0].transpose(2, 1, 0)
        value = self.graph.node("Conv", value, kernel, self.weights[f"{name}/bias"], pads=[3, 3])
        return self.norm(self.graph.node("Relu", value))

    def dense(self, value: str) -> str:
        name = self.next("dense")
        return self.graph.node("Gemm", value, self.weights[f"{name}/kernel"], self.weights[f"{name}/bias"])

    def norm(self, value: str) -> str:
        name = self.next("batch_normalization")
        parts = (self.weights[f"{name}/{p}"] for p in ("gamma", "beta", "moving_mean", "moving_variance"))
        return self.graph.node("BatchNormalization", value, *parts, epsilon=_EPSILON)

    def next(self, kind: str) -> str:
        """Return the next variable scope of a kind: conv2d, conv2d_1, conv2d_2, …"""
        number = self._seen.get(kind, 0)
        self._seen[kind] = number + 1
        return f"{kind}_{number}" if number else kind
