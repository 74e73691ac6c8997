"""Write an ONNX model without the `onnx` package: the few protobuf messages it takes, byte for byte.

The same graph always gives the same bytes, whatever versions are installed,
so that the output's SHA-256 can stand in the manifest. Field numbers are those
of `onnx.proto` (IR version 8).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

IR_VERSION = 8
OPSET = 17
_TYPES = {"float32": 1, "uint8": 2, "int64": 7}
#: operators of ONNX Runtime itself, which are not in the standard
RUNTIME_DOMAIN = "com.microsoft"
Attribute = int | float | str | Sequence[int]
Shape = Sequence[int | str]


class Graph:
    """A network under construction. Values go by name; `node` and `constant` return the names they make."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._nodes: list[bytes] = []
        self._constants: list[bytes] = []
        self._inputs: list[bytes] = []
        self._outputs: list[bytes] = []
        self._extended = False

    def input(self, name: str, shape: Shape, *, dtype: str = "float32") -> str:
        """Declare an input of float32, int64 or uint8; a dimension that is a text is free."""
        self._inputs.append(_value_info(name, shape, dtype))
        return name

    def output(self, value: str, name: str, shape: Shape) -> None:
        """Give `value` out under `name` as float32."""
        self._nodes.append(_node("Identity", [value], [name], {}))
        self._outputs.append(_value_info(name, shape))

    def constant(self, array: NDArray[Any]) -> str:
        """Store weights: float32, int64 or uint8."""
        name = f"c{len(self._constants)}"
        data = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        message = b"".join(_varint(1, size) for size in array.shape)
        message += _varint(2, _TYPES[array.dtype.name]) + _text(8, name) + _bytes(9, data.tobytes())
        self._constants.append(message)
        return name

    def node(self, op: str, *inputs: str | NDArray[Any], **attributes: Attribute) -> str:
        """Add an operator with one output; arrays among the inputs become constants.

        `com.microsoft.` before the name takes an operator of ONNX Runtime.
        """
        names = [value if isinstance(value, str) else self.constant(value) for value in inputs]
        output = f"v{len(self._nodes)}"
        self._extended |= op.startswith(RUNTIME_DOMAIN)
        self._nodes.append(_node(op, names, [output], attributes))
        return output

    def serialize(self) -> bytes:
        """Return the model as the bytes of an `.onnx` file."""
        graph = b"".join(_bytes(1, node) for node in self._nodes) + _text(2, self.name)
        graph += b"".join(_bytes(5, constant) for constant in self._constants)
        graph += b"".join(_bytes(11, value) for value in self._inputs)
        graph += b"".join(_bytes(12, value) for value in self._outputs)
        model = _varint(1, IR_VERSION) + _text(2, "mmu") + _bytes(7, graph)
        model += _bytes(8, _text(1, "") + _varint(2, OPSET))
        return model + (_bytes(8, _text(1, RUNTIME_DOMAIN) + _varint(2, 1)) if self._extended else b"")


def _node(
    op: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Attribute]
) -> bytes:
    message = b"".join(_text(1, name) for name in inputs) + b"".join(_text(2, name) for name in outputs)
    domain, _, name = op.rpartition(".")
    message += _text(3, outputs[0]) + _text(4, name)
    message += b"".join(_bytes(5, _attribute(*item)) for item in attributes.items())
    return message + (_text(7, domain) if domain else b"")


def _attribute(name: str, value: Attribute) -> bytes:
    message = _text(1, name)
    match value:
        case float():
            return message + _tag(2, 5) + struct.pack("<f", value) + _varint(20, 1)
        case int():
            return message + _varint(3, value) + _varint(20, 2)
        case str():
            return message + _text(4, value) + _varint(20, 3)
    return message + b"".join(_varint(8, item) for item in value) + _varint(20, 7)


def _value_info(name: str, shape: Shape, dtype: str = "float32") -> bytes:
    dims = b"".join(_bytes(1, _text(2, d) if isinstance(d, str) else _varint(1, d)) for d in shape)
    tensor = _varint(1, _TYPES[dtype]) + _bytes(2, dims)
    return _text(1, name) + _bytes(2, _bytes(1, tensor))


def _tag(field: int, wire: int) -> bytes:
    return _number(field << 3 | wire)


def _number(value: int) -> bytes:
    value &= (1 << 64) - 1  # negative numbers are written as two's complement of 64 bits
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _varint(field: int, value: int) -> bytes:
    return _tag(field, 0) + _number(value)


def _bytes(field: int, value: bytes) -> bytes:
    return _tag(field, 2) + _number(len(value)) + value


def _text(field: int, value: str) -> bytes:
    return _bytes(field, value.encode("utf-8"))
