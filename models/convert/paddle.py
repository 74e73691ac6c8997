"""Read a parameter that PaddlePaddle 1.x saved to a file of its own, without PaddlePaddle.

Layout (`lod_tensor.cc`, `tensor_util.cc`): version, number of levels, version of the tensor, length of a
protobuf message with type and shape, the message, then the numbers.
"""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

_HEADER = struct.Struct("<IQIi")
_FLOAT32 = 5


def read_tensor(path: Path) -> NDArray[np.float32]:
    """Return one parameter.

    Raises:
        ValueError: not a float32 parameter of this format.
    """
    data = path.read_bytes()
    if len(data) < _HEADER.size:
        raise ValueError(f"{path.name} is too short for a parameter")
    version, levels, tensor_version, size = _HEADER.unpack_from(data)
    end = _HEADER.size + size
    if version or levels or tensor_version or size < 2 or end > len(data):
        raise ValueError(f"{path.name} is not a parameter of PaddlePaddle 1.x")
    kind, shape = _description(data[_HEADER.size : end])
    if kind != _FLOAT32:
        raise ValueError(f"{path.name} holds type {kind}, not float32")
    return np.frombuffer(data, "<f4", offset=end).reshape(shape)


def _description(message: bytes) -> tuple[int, list[int]]:
    """Type and shape of a `TensorDesc`: field 1 the type, field 2 the sizes, packed or one by one."""
    kind, shape, at = 0, [], 0
    while at < len(message):
        tag, at = _number(message, at)
        value, at = _number(message, at)
        if tag == 8:
            kind = value
        elif tag == 16:
            shape.append(value)
        elif tag == 18:
            stop = at + value
            while at < stop:
                one, at = _number(message, at)
                shape.append(one)
        else:
            raise ValueError(f"unknown field {tag >> 3} in a tensor's description")
    return kind, shape


def _number(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(message):
            raise ValueError("a tensor's description ends too early")
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
