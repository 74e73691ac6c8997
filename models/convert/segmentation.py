"""The speaker segmentation network of pyannote from its PyTorch checkpoint to ONNX.

Source of the network: Plaquet and Bredin, "Powerset multi-class cross entropy
loss for neural speaker diarization", Interspeech 2023: learned band-pass
filters (Ravanelli and Bengio, "Speaker recognition from raw waveform with
SincNet", 2018), four bidirectional LSTM layers, three linear ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph
from models.convert.torch import read_checkpoint

RATE, CLASSES = 16000, 7
_HIDDEN, _LAYERS = 128, 4
_LEAST_HZ = 50.0
_EPSILON = 1e-5  # of PyTorch's instance normalisation
_SLOPE = 0.01  # of its leaky rectifier


def convert(inputs: Mapping[str, Path]) -> bytes:
    """Convert one checkpoint; input `samples` (n, 1, samples), output `classes` (n, frames, 7), log softmax.

    Raises:
        ValueError: not a checkpoint of this network.
    """
    (path,) = inputs.values()
    return _Network(read_checkpoint(path, key="state_dict")).build().serialize()


class _Network:
    def __init__(self, weights: Mapping[str, NDArray[Any]]) -> None:
        self.weights = weights
        self.graph = Graph("segmentation")

    def build(self) -> Graph:
        graph = self.graph
        samples = graph.input("samples", ["n", 1, "samples"])
        value = self.norm(samples, "sincnet.wav_norm1d")
        filters = band_filters(self.weights, "sincnet.conv1d.0.filterbank")
        value = graph.node("Abs", graph.node("Conv", value, filters, strides=[10]))
        value = self.pooled(value, "sincnet.norm1d.0")
        for layer in (1, 2):
            name = f"sincnet.conv1d.{layer}"
            value = graph.node("Conv", value, self.weights[f"{name}.weight"], self.weights[f"{name}.bias"])
            value = self.pooled(value, f"sincnet.norm1d.{layer}")
        value = graph.node("Transpose", value, perm=[2, 0, 1])
        for layer in range(_LAYERS):
            value = self.lstm(value, layer)
        for name in ("linear.0", "linear.1"):
            value = graph.node("LeakyRelu", self.linear(value, name), alpha=_SLOPE)
        value = graph.node("LogSoftmax", self.linear(value, "classifier"), axis=2)
        graph.output(graph.node("Transpose", value, perm=[1, 0, 2]), "classes", ["n", "frames", CLASSES])
        return graph

    def pooled(self, value: str, name: str) -> str:
        value = self.graph.node("MaxPool", value, kernel_shape=[3], strides=[3])
        return self.graph.node("LeakyRelu", self.norm(value, name), alpha=_SLOPE)

    def norm(self, value: str, name: str) -> str:
        scale, bias = self.weights[f"{name}.weight"], self.weights[f"{name}.bias"]
        return self.graph.node("InstanceNormalization", value, scale, bias, epsilon=_EPSILON)

    def lstm(self, value: str, layer: int) -> str:
        """(frames, n, features) to (frames, n, 256)."""
        directions = [f"l{layer}", f"l{layer}_reverse"]

        def both(part: str) -> NDArray[np.float32]:
            return np.stack([_gates(self.weights[f"lstm.{part}_{one}"]) for one in directions])

        bias = np.concatenate([both("bias_ih"), both("bias_hh")], axis=1)
        node = self.graph.node
        out = node(
            "LSTM",
            value,
            both("weight_ih"),
            both("weight_hh"),
            bias,
            hidden_size=_HIDDEN,
            direction="bidirectional",
        )
        out = node("Transpose", out, perm=[0, 2, 1, 3])
        return node("Reshape", out, np.array([0, 0, 2 * _HIDDEN], np.int64))

    def linear(self, value: str, name: str) -> str:
        weight = np.ascontiguousarray(self.weights[f"{name}.weight"].T)
        return self.graph.node("Add", self.graph.node("MatMul", value, weight), self.weights[f"{name}.bias"])


def _gates(values: NDArray[Any]) -> NDArray[np.float32]:
    """PyTorch's order of gates (input, forget, cell, output) in ONNX's (input, output, forget, cell)."""
    first, forget, cell, output = np.split(values, 4)
    return np.concatenate([first, output, forget, cell]).astype(np.float32)


def band_filters(weights: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    """(80, 1, 251) float32: 40 windowed band-pass filters in phase, and the same in quadrature."""
    low = _LEAST_HZ + np.abs(weights[f"{name}.low_hz_"].astype(np.float64))
    high = np.clip(
        low + _LEAST_HZ + np.abs(weights[f"{name}.band_hz_"].astype(np.float64)), _LEAST_HZ, RATE / 2
    )
    band = high - low
    # 2 pi t for the half of the filter before its centre; the other half mirrors it.
    time = weights[f"{name}.n_"].astype(np.float64)
    window = weights[f"{name}.window_"].astype(np.float64)
    even = (np.sin(high @ time) - np.sin(low @ time)) / (time / 2) * window
    odd = (np.cos(low @ time) - np.cos(high @ time)) / (time / 2) * window
    in_phase = np.concatenate([even, 2 * band, even[:, ::-1]], axis=1)
    quadrature = np.concatenate([odd, np.zeros_like(band), -odd[:, ::-1]], axis=1)
    filters = np.concatenate([in_phase / (2 * band), quadrature / (2 * band)])
    return np.asarray(filters[:, None], np.float32)
