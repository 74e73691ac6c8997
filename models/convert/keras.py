"""A sequential Keras 2 network in HDF5 to ONNX, for the layers that inaSpeechSegmenter's networks use.

Source of the networks: Doukhan et al., "An open-source speaker gender detection
framework for monitoring gender equality", ICASSP 2018.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph

Weights = Mapping[str, NDArray[np.float32]]


def convert(inputs: Mapping[str, Path]) -> bytes:
    """Convert one `.hdf5` file; input `patches` (n, frames, bands), output `probabilities` (n, classes).

    Raises:
        ValueError: not one file, or a layer that is not known here.
    """
    (path,) = inputs.values()
    with h5py.File(path, "r") as file:
        config = json.loads(file.attrs["model_config"])["config"]
        layers = config["layers"] if isinstance(config, dict) else config
        graph = Graph(next(iter(inputs)).partition(".")[0])
        _, frames, bands = layers[0]["config"]["batch_input_shape"]
        value = graph.input("patches", ["n", frames, bands])
        value = graph.node("Unsqueeze", value, np.array([1], np.int64))
        for layer in layers:
            value = _layer(graph, value, layer["class_name"], layer["config"], _weights(file, layer))
        graph.output(value, "probabilities", ["n", layers[-1]["config"]["units"]])
    return graph.serialize()


def _weights(file: h5py.File, layer: Mapping[str, Any]) -> Weights:
    found: dict[str, NDArray[np.float32]] = {}

    def visit(name: str, item: object) -> None:
        if isinstance(item, h5py.Dataset):
            found[name.rpartition("/")[2].partition(":")[0]] = np.asarray(item, dtype=np.float32)

    name = layer["config"]["name"]
    if name in file["model_weights"]:
        file["model_weights"][name].visititems(visit)
    return found


def _layer(graph: Graph, value: str, kind: str, config: Mapping[str, Any], weights: Weights) -> str:
    match kind:
        case "Reshape" | "Dropout":
            return value
        case "Conv2D":
            _require(
                config, strides=[1, 1], padding="valid", dilation_rate=[1, 1], data_format="channels_last"
            )
            kernel = weights["kernel"].transpose(3, 2, 0, 1)  # HWIO to OIHW
            return _activation(graph, graph.node("Conv", value, kernel, weights["bias"]), config)
        case "MaxPooling2D":
            # "same" padding of Keras goes to the end first, and never counts for a maximum.
            padding = "SAME_UPPER" if config["padding"] == "same" else "VALID"
            shape = {"kernel_shape": config["pool_size"], "strides": config["strides"]}
            return graph.node("MaxPool", value, auto_pad=padding, **shape)
        case "BatchNormalization":
            _require(config, axis=-1, center=True, scale=True)
            names = ("gamma", "beta", "moving_mean", "moving_variance")
            epsilon = float(config["epsilon"])
            return graph.node("BatchNormalization", value, *(weights[n] for n in names), epsilon=epsilon)
        case "Flatten":
            return graph.node("Flatten", graph.node("Transpose", value, perm=[0, 2, 3, 1]), axis=1)
        case "Dense":
            return _activation(graph, graph.node("Gemm", value, weights["kernel"], weights["bias"]), config)
        case "Activation":
            return _activation(graph, value, config)
    raise ValueError(f"Keras layer {kind!r} is not known to this converter")


def _activation(graph: Graph, value: str, config: Mapping[str, Any]) -> str:
    match config["activation"]:
        case "linear":
            return value
        case "relu":
            return graph.node("Relu", value)
        case "softmax":
            return graph.node("Softmax", value, axis=-1)
        case other:
            raise ValueError(f"Keras activation {other!r} is not known to this converter")


def _require(config: Mapping[str, Any], **expected: object) -> None:
    for key, value in expected.items():
        if config[key] != value:
            raise ValueError(f"layer {config['name']}: {key} is {config[key]!r}, known is only {value!r}")
