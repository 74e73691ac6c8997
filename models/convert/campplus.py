"""The speaker network CAM++ from its PyTorch checkpoint to ONNX.

Source of the network: Wang et al., "CAM++: A Fast and Efficient Network for
Speaker Verification Using Context-Aware Masking", Interspeech 2023; layer
names and sizes as in 3D-Speaker.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph
from models.convert.torch import read_checkpoint

BANDS, EMBEDDING = 80, 192
#: layers and dilation of the three densely connected blocks
_BLOCKS = ((12, 1), (24, 2), (16, 2))
_SEGMENT = 100
_EPSILON = 1e-5  # of PyTorch's batch normalisation


def convert(inputs: Mapping[str, Path]) -> bytes:
    """Convert one `.pt` file; input `features` (n, frames, 80), output `embedding` (n, 192), not normalised.

    Raises:
        ValueError: not a checkpoint of this network.
    """
    (path,) = inputs.values()
    return _Network(read_checkpoint(path)).build().serialize()


class _Network:
    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self.weights = weights
        self.graph = Graph("campplus")

    def build(self) -> Graph:
        graph = self.graph
        features = graph.input("features", ["n", "frames", BANDS])
        image = graph.node("Transpose", features, perm=[0, 2, 1])
        value = self.head(graph.node("Unsqueeze", image, np.array([1], np.int64)))
        value = self.conv(value, "xvector.tdnn.linear", strides=[2], pads=[2, 2])
        value = self.norm_relu(value, "xvector.tdnn.nonlinear.batchnorm")
        frames = graph.node("Shape", value, start=2, end=3)
        for number, (layers, dilation) in enumerate(_BLOCKS, start=1):
            for layer in range(1, layers + 1):
                new = self.dense_layer(value, f"xvector.block{number}.tdnnd{layer}", dilation, frames)
                value = graph.node("Concat", value, new, axis=1)
            value = self.norm_relu(value, f"xvector.transit{number}.nonlinear.batchnorm")
            value = self.conv(value, f"xvector.transit{number}.linear")
        value = self.norm_relu(value, "xvector.out_nonlinear.batchnorm")
        value = self.conv(self.statistics(value, frames), "xvector.dense.linear")
        value = graph.node("Flatten", self.norm(value, "xvector.dense.nonlinear.batchnorm"), axis=1)
        graph.output(value, "embedding", ["n", EMBEDDING])
        return graph

    def head(self, value: str) -> str:
        """Two-dimensional residual front end: (n, 1, 80, frames) to (n, 320, frames)."""
        value = self.conv(value, "head.conv1", pads=[1, 1, 1, 1])
        value = self.norm_relu(value, "head.bn1")
        for layer in (1, 2):
            value = self.residual(value, f"head.layer{layer}.0", stride=2)
            value = self.residual(value, f"head.layer{layer}.1", stride=1)
        value = self.conv(value, "head.conv2", strides=[2, 1], pads=[1, 1, 1, 1])
        value = self.norm_relu(value, "head.bn2")
        return self.graph.node("Reshape", value, np.array([0, 320, -1], np.int64))

    def residual(self, value: str, name: str, *, stride: int) -> str:
        out = self.conv(value, f"{name}.conv1", strides=[stride, 1], pads=[1, 1, 1, 1])
        out = self.norm_relu(out, f"{name}.bn1")
        out = self.norm(self.conv(out, f"{name}.conv2", pads=[1, 1, 1, 1]), f"{name}.bn2")
        if f"{name}.shortcut.0.weight" in self.weights:
            shortcut = self.conv(value, f"{name}.shortcut.0", strides=[stride, 1])
            value = self.norm(shortcut, f"{name}.shortcut.1")
        return self.graph.node("Relu", self.graph.node("Add", out, value))

    def dense_layer(self, value: str, name: str, dilation: int, frames: str) -> str:
        """One layer with context-aware masking: (n, c, frames) to (n, 32, frames)."""
        node = self.graph.node
        value = self.conv(self.norm_relu(value, f"{name}.nonlinear1.batchnorm"), f"{name}.linear1")
        value = self.norm_relu(value, f"{name}.nonlinear2.batchnorm")
        cam = f"{name}.cam_layer"
        local = self.conv(value, f"{cam}.linear_local", pads=[dilation, dilation], dilations=[dilation])
        context = node("Add", node("ReduceMean", value, axes=[2], keepdims=1), self.segments(value, frames))
        mask = node("Relu", self.conv(context, f"{cam}.linear1"))
        return node("Mul", local, node("Sigmoid", self.conv(mask, f"{cam}.linear2")))

    def segments(self, value: str, frames: str) -> str:
        """Mean of each 100 frames, held over them."""
        node = self.graph.node
        size = {"kernel_shape": [_SEGMENT], "strides": [_SEGMENT]}
        means = node("AveragePool", value, ceil_mode=1, count_include_pad=0, **size)
        held = node("Expand", node("Unsqueeze", means, _ints(3)), _ints(1, 1, 1, _SEGMENT))
        return node("Slice", node("Reshape", held, _ints(0, 0, -1)), _ints(0), frames, _ints(2))

    def statistics(self, value: str, frames: str) -> str:
        """Mean and unbiased deviation over time: (n, c, frames) to (n, 2c, 1)."""
        node = self.graph.node
        mean = node("ReduceMean", value, axes=[2], keepdims=1)
        offset = node("Sub", value, mean)
        total = node("ReduceSum", node("Mul", offset, offset), _ints(2), keepdims=1)
        count = node("Cast", node("Max", node("Sub", frames, _ints(1)), _ints(1)), to=1)
        return node("Concat", mean, node("Sqrt", node("Div", total, count)), axis=1)

    def conv(self, value: str, name: str, **attributes: list[int]) -> str:
        weights = [self.weights[f"{name}.weight"]]
        if f"{name}.bias" in self.weights:
            weights.append(self.weights[f"{name}.bias"])
        return self.graph.node("Conv", value, *weights, **attributes)

    def norm(self, value: str, name: str) -> str:
        mean, variance = self.weights[f"{name}.running_mean"], self.weights[f"{name}.running_var"]
        scale = self.weights.get(f"{name}.weight", np.ones_like(mean))
        bias = self.weights.get(f"{name}.bias", np.zeros_like(mean))
        return self.graph.node("BatchNormalization", value, scale, bias, mean, variance, epsilon=_EPSILON)

    def norm_relu(self, value: str, name: str) -> str:
        return self.graph.node("Relu", self.norm(value, name))


def _ints(*values: int) -> NDArray[np.int64]:
    return np.array(values, np.int64)
