"""Runs a `.tflite` network, given as a file, as bytes or as a member of a MediaPipe `.task` bundle."""

from __future__ import annotations

import contextlib
import io
import os
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from models.errors import ModelError

_announcing = threading.Lock()
_announced = False


class TensorFacts(NamedTuple):
    """What one input or output of a network looks like."""

    name: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    #: real value = scale x (stored - zero_point); scale 0 when the tensor is not quantised
    scale: float
    zero_point: int


class LiteRtModel:
    """One `.tflite` network on a fixed number of threads; float in, float out.

    Quantised inputs are quantised from, and quantised outputs dequantised to,
    float32, so a caller handles real values only. A lock makes `run` safe to
    call from several threads.
    """

    def __init__(self, path_or_bytes: Path | str | bytes, threads: int = 1) -> None:
        """Load and allocate the network.

        Raises:
            ModelError: the file cannot be read or is no usable network.
        """
        content, label = _content(path_or_bytes)
        try:
            with _silence():
                self._interpreter: Any = Interpreter(model_content=content, num_threads=threads)
                self._interpreter.allocate_tensors()
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{label}: not a network that LiteRT can run: {error}") from error
        self._label = label
        self._lock = threading.Lock()
        self._read_details()

    def _read_details(self) -> None:
        self._in = self._interpreter.get_input_details()
        self._out = self._interpreter.get_output_details()
        self.inputs: list[TensorFacts] = [_facts(detail) for detail in self._in]
        self.outputs: list[TensorFacts] = [_facts(detail) for detail in self._out]

    def run(self, *arrays: NDArray[Any]) -> list[NDArray[np.float32]]:
        """Feed one array per input and return one float32 array per output, in the file's order.

        An array whose shape differs from the input's (another batch size) resizes the input.

        Raises:
            ModelError: a wrong number of arrays, or a shape that the network refuses.
        """
        if len(arrays) != len(self.inputs):
            raise ModelError(f"{self._label}: {len(arrays)} arrays given for {len(self.inputs)} inputs")
        with self._lock:
            try:
                self._fit(arrays)
                for facts, detail, array in zip(self.inputs, self._in, arrays, strict=True):
                    self._interpreter.set_tensor(detail["index"], _to_stored(array, facts))
                self._interpreter.invoke()
            except (RuntimeError, ValueError) as error:
                raise ModelError(f"{self._label}: {error}") from error
            return [
                _to_real(self._interpreter.get_tensor(detail["index"]), facts)
                for facts, detail in zip(self.outputs, self._out, strict=True)
            ]

    def _fit(self, arrays: tuple[NDArray[Any], ...]) -> None:
        resized = False
        for facts, detail, array in zip(self.inputs, self._in, arrays, strict=True):
            if array.shape != facts.shape:
                self._interpreter.resize_tensor_input(detail["index"], array.shape)
                resized = True
        if resized:
            self._interpreter.allocate_tensors()
            self._read_details()


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Keep LiteRT's note on its CPU delegate, which C++ code prints once a process, off stderr."""
    global _announced
    with _announcing:
        if _announced:
            yield
            return
        _announced = True
        kept = os.dup(2)
        try:
            nothing = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nothing, 2)
            os.close(nothing)
            yield
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def bundle_member(path_or_bytes: Path | str | bytes, member: str) -> bytes:
    """Bytes of one file in a `.task` bundle; a bundle inside it is reached as `inner.task/name`.

    Raises:
        ModelError: the bundle cannot be read or has no such member.
    """
    content, label = _content(path_or_bytes)
    for part in member.split("/"):
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as bundle:
                content = bundle.read(part)
        except KeyError as error:
            raise ModelError(f"{label}: no member {member!r}") from error
        except (zipfile.BadZipFile, OSError) as error:
            raise ModelError(f"{label}: not a readable bundle: {error}") from error
    return content


def _content(path_or_bytes: Path | str | bytes) -> tuple[bytes, str]:
    if isinstance(path_or_bytes, bytes):
        return path_or_bytes, "network"
    try:
        return Path(path_or_bytes).read_bytes(), str(path_or_bytes)
    except OSError as error:
        raise ModelError(f"{path_or_bytes}: cannot be read: {error}") from error


def _facts(detail: dict[str, Any]) -> TensorFacts:
    scale, zero_point = detail["quantization"]
    shape = tuple(int(n) for n in detail["shape"])
    return TensorFacts(detail["name"], shape, np.dtype(detail["dtype"]), float(scale), int(zero_point))


def _to_stored(array: NDArray[Any], facts: TensorFacts) -> NDArray[Any]:
    if facts.scale and np.issubdtype(facts.dtype, np.integer):
        limits = np.iinfo(facts.dtype)
        levels = np.round(np.asarray(array, np.float32) / facts.scale) + facts.zero_point
        stored: NDArray[Any] = np.clip(levels, limits.min, limits.max).astype(facts.dtype)
        return stored
    return np.ascontiguousarray(array, dtype=facts.dtype)


def _to_real(array: NDArray[Any], facts: TensorFacts) -> NDArray[np.float32]:
    real = np.asarray(array, np.float32)
    if facts.scale and np.issubdtype(facts.dtype, np.integer):
        real = (real - facts.zero_point) * np.float32(facts.scale)
    return real
