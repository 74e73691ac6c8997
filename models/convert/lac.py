"""The Chinese lexer LAC (two bidirectional GRU layers and a CRF) from PaddlePaddle parameters to ONNX.

Source of the network: Jiao et al., "Chinese Lexical Analysis with Deep Bi-GRU-CRF Network", 2018;
sizes as in LAC 2.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph
from models.convert.paddle import read_tensor

HIDDEN, TAGS = 128, 49
FloatArray = NDArray[np.float32]


def convert(inputs: Mapping[str, Path]) -> bytes:
    """Convert the parameter files of one model.

    Input `tokens` (n,) int64; outputs `emissions` (n, 49) float32 and `transitions` (51, 49) float32, whose
    first row is for the start and second for the end.

    Raises:
        ValueError: not the parameters of this network.
    """
    weights = {name: read_tensor(path) for name, path in inputs.items()}
    graph = Graph("lac")
    tokens = graph.input("tokens", ["n"], dtype="int64")
    value = graph.node("Gather", weights["word_emb"], tokens)
    value = graph.node("Unsqueeze", value, np.array([1], np.int64))
    for layer in (0, 2):
        value = _both_ways(graph, value, weights, layer)
    value = graph.node("Squeeze", value, np.array([1], np.int64))
    value = graph.node("Add", graph.node("MatMul", value, weights["fc_4.w_0"]), weights["fc_4.b_0"])
    graph.output(value, "emissions", ["n", TAGS])
    graph.output(graph.constant(weights["crfw"]), "transitions", [TAGS + 2, TAGS])
    return graph.serialize()


def _both_ways(graph: Graph, value: str, weights: Mapping[str, FloatArray], layer: int) -> str:
    """One layer: (n, 1, features) to (n, 1, 256)."""
    parts = [_direction(weights, number) for number in (layer, layer + 1)]
    inward, recurrent, bias = (np.stack(one) for one in zip(*parts, strict=True))
    value = graph.node("GRU", value, inward, recurrent, bias, hidden_size=HIDDEN, direction="bidirectional")
    value = graph.node("Transpose", value, perm=[0, 2, 1, 3])
    return graph.node("Reshape", value, np.array([0, 1, 2 * HIDDEN], np.int64))


def _direction(weights: Mapping[str, FloatArray], number: int) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Weights of one direction as ONNX wants them: update, reset and candidate, one below the other.

    Paddle's update gate says how much is new, that of ONNX how much is old: its sign changes.
    """
    inward = weights[f"fc_{number}.w_0"].T
    flat = weights[f"gru_{number}.w_0"].ravel()
    gates, candidate = np.split(flat, [2 * HIDDEN * HIDDEN])
    recurrent = np.concatenate([gates.reshape(HIDDEN, 2 * HIDDEN).T, candidate.reshape(HIDDEN, HIDDEN).T])
    bias = weights[f"fc_{number}.b_0"] + weights[f"gru_{number}.b_0"].ravel()
    sign = np.ones((3 * HIDDEN, 1), np.float32)
    sign[:HIDDEN] = -1
    bias = np.concatenate([bias * sign[:, 0], np.zeros(3 * HIDDEN, np.float32)])
    return inward * sign, recurrent * sign, bias
