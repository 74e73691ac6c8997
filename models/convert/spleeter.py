"""Spleeter's two U-Nets from pickles of numpy arrays to one ONNX file.

Source of the networks: Hennequin et al., "Spleeter: a fast and efficient music
source separation tool with pre-trained models", JOSS 5(50), 2020; the U-Net is
that of Jansson et al., ISMIR 2017.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Graph
from models.convert.unpickle import RestrictedUnpickler

#: a patch: channels, spectrogram frames, frequency bins
CHANNELS, FRAMES, BINS = 2, 512, 1024
_LEVELS = 6
_EPSILON = 1e-3
#: of SAME padding at stride 2 with a kernel of 5: top, left, bottom, right
_PADS = [1, 1, 2, 2]
Weights = Mapping[str, NDArray[np.float32]]


def convert(inputs: Mapping[str, Path]) -> bytes:
    """Convert the checkpoints `vocals.ckpt` and `accompaniment.ckpt`.

    Input `magnitude` (n, 2, 512, 1024): stereo STFT magnitudes. Outputs `vocals` and `accompaniment` of the
    same shape: estimates of the magnitudes of either.

    Raises:
        ValueError: not checkpoints of this network.
    """
    graph = Graph("spleeter-2stems")
    magnitude = graph.input("magnitude", ["n", CHANNELS, FRAMES, BINS])
    for stem in ("vocals", "accompaniment"):
        weights = read_arrays(inputs[f"{stem}.ckpt"])
        graph.output(_unet(graph, magnitude, weights), stem, ["n", CHANNELS, FRAMES, BINS])
    return graph.serialize()


def read_arrays(path: Path) -> dict[str, NDArray[np.float32]]:
    """Read a zip with one pickle of numpy arrays by name, without letting it name any class of its own.

    Raises:
        ValueError: not such a file, or its pickle wants more than arrays.
    """
    allowed: dict[str, Any] = {
        "numpy.core.multiarray _reconstruct": lambda *_: _Array(),
        "numpy ndarray": None,
        "numpy dtype": _DType,
        "_codecs encode": lambda text, _: text.encode("latin-1"),
    }
    try:
        with ZipFile(path) as archive:
            (name,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            state = RestrictedUnpickler(archive.read(name), allowed=allowed).load()
    except (BadZipFile, pickle.UnpicklingError, EOFError, AttributeError) as error:
        raise ValueError(f"not a readable checkpoint: {error}") from error
    if not isinstance(state, dict):
        raise ValueError("the checkpoint holds no arrays by name")
    return {str(name): value.array() for name, value in state.items() if isinstance(value, _Array)}


class _DType:
    """Stands in for `numpy.dtype` while a pickle is read."""

    def __init__(self, name: str, *_: Any) -> None:
        self.name = name

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        if state[1] != "<" or self.name != "f4":
            raise ValueError(f"the checkpoint holds {state[1]}{self.name}, expected <f4")


class _Array:
    """Stands in for `numpy.ndarray` while a pickle is read."""

    def __init__(self) -> None:
        self._state: tuple[Any, ...] = ()

    def __setstate__(self, state: tuple[Any, ...]) -> None:
        self._state = state

    def array(self) -> NDArray[np.float32]:
        """Return the array, C-contiguous."""
        _, shape, _, fortran, data = self._state
        values = np.frombuffer(data, "<f4")
        return np.ascontiguousarray(values.reshape(shape, order="F" if fortran else "C"), np.float32)


def _unet(graph: Graph, magnitude: str, weights: Weights) -> str:
    """Six strided convolutions down, six transposed ones up with skips, a mask on the input."""

    def layer(op: str, value: str, name: str, **attributes: Any) -> str:
        return graph.node(op, value, weights[f"{name}.weight"], weights[f"{name}.bias"], **attributes)

    def norm(value: str, name: str) -> str:
        parts = (weights[f"{name}.{part}"] for part in ("weight", "bias", "running_mean", "running_var"))
        return graph.node("BatchNormalization", value, *parts, epsilon=_EPSILON)

    value = magnitude
    skips: list[str] = []
    for level in range(1, _LEVELS + 1):
        if level > 1:
            value = graph.node("LeakyRelu", norm(skips[-1], f"down{level - 1}_act.0"), alpha=0.2)
        skips.append(layer("Conv", value, f"down{level}_conv.1", strides=[2, 2], pads=_PADS))
    value = skips.pop()
    for level in range(1, _LEVELS + 1):
        if level > 1:
            value = graph.node("Concat", skips.pop(), value, axis=1)
        value = layer("ConvTranspose", value, f"up{level}.0", strides=[2, 2], pads=_PADS)
        value = norm(graph.node("Relu", value), f"up{level}.3")
    mask = graph.node("Sigmoid", layer("Conv", value, "up7.0", dilations=[2, 2], pads=[3, 3, 3, 3]))
    return graph.node("Mul", mask, magnitude)
