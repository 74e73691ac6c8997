"""The beat network of BeatNet from its PyTorch checkpoint to ONNX.

Source of the network: Heydari, Cwitkowitz and Duan, "BeatNet: CRNN and Particle Filtering for Online Joint
Beat, Downbeat and Meter Tracking", ISMIR 2021.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph
from models.convert.torch import read_checkpoint

FEATURES, HIDDEN, CLASSES = 272, 150, 3
FloatArray = NDArray[np.float32]


def convert(inputs: Mapping[str, Path]) -> bytes:
    """Convert one `.pt` file; input `features` (frames, 272), output `probabilities` (frames, 3).

    The three are beat, downbeat and neither.

    Raises:
        ValueError: not a checkpoint of this network.
    """
    (path,) = inputs.values()
    weights = read_checkpoint(path)
    graph = Graph("beatnet")
    value = graph.node("Unsqueeze", graph.input("features", ["frames", FEATURES]), np.array([1], np.int64))
    value = graph.node("Conv", value, weights["conv1.weight"], weights["conv1.bias"])
    value = graph.node("MaxPool", graph.node("Relu", value), kernel_shape=[2], strides=[2])
    value = graph.node("Flatten", value, axis=1)
    value = _linear(graph, value, weights, "linear0")
    value = graph.node("Unsqueeze", value, np.array([1], np.int64))
    for layer in (0, 1):
        value = graph.node("LSTM", value, *_lstm(weights, layer), hidden_size=HIDDEN)
        value = graph.node("Squeeze", value, np.array([1], np.int64))
    value = graph.node("Squeeze", value, np.array([1], np.int64))
    value = graph.node("Softmax", _linear(graph, value, weights, "linear"), axis=1)
    graph.output(value, "probabilities", ["frames", CLASSES])
    return graph.serialize()


def _linear(graph: Graph, value: str, weights: Mapping[str, FloatArray], name: str) -> str:
    value = graph.node("MatMul", value, np.ascontiguousarray(weights[f"{name}.weight"].T))
    return graph.node("Add", value, weights[f"{name}.bias"])


def _lstm(weights: Mapping[str, FloatArray], layer: int) -> list[FloatArray]:
    """Weights of one layer with their gates in the order of ONNX: input, output, forget, cell."""

    def ordered(name: str) -> FloatArray:
        entry, forget, cell, out = np.split(weights[f"lstm.{name}_l{layer}"], 4)
        return np.concatenate([entry, out, forget, cell])

    bias = np.concatenate([ordered("bias_ih"), ordered("bias_hh")])
    return [ordered("weight_ih")[None], ordered("weight_hh")[None], bias[None]]
