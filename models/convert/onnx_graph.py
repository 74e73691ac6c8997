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

from models.protobuf import data, integer, tag, text

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
        self._inputs.append(value_info(name, shape, dtype))
        return name

    def output(self, value: str, name: str, shape: Shape) -> None:
        """Give `value` out under `name` as float32."""
        self._nodes.append(_node("Identity", [value], [name], {}))
        self._outputs.append(value_info(name, shape))

    def constant(self, array: NDArray[Any]) -> str:
        """Store weights: float32, int64 or uint8."""
        name = f"c{len(self._constants)}"
        self._constants.append(tensor(name, array))
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
        graph = b"".join(data(1, node) for node in self._nodes) + text(2, self.name)
        graph += b"".join(data(5, constant) for constant in self._constants)
        graph += b"".join(data(11, value) for value in self._inputs)
        graph += b"".join(data(12, value) for value in self._outputs)
        model = integer(1, IR_VERSION) + text(2, "mmu") + data(7, graph)
        model += data(8, text(1, "") + integer(2, OPSET))
        return model + (data(8, text(1, RUNTIME_DOMAIN) + integer(2, 1)) if self._extended else b"")


def _node(
    op: str, inputs: Sequence[str], outputs: Sequence[str], attributes: Mapping[str, Attribute]
) -> bytes:
    message = b"".join(text(1, name) for name in inputs) + b"".join(text(2, name) for name in outputs)
    domain, _, name = op.rpartition(".")
    message += text(3, outputs[0]) + text(4, name)
    message += b"".join(data(5, _attribute(*item)) for item in attributes.items())
    return message + (text(7, domain) if domain else b"")


def _attribute(name: str, value: Attribute) -> bytes:
    message = text(1, name)
    match value:
        case float():
            return message + tag(2, 5) + struct.pack("<f", value) + integer(20, 1)
        case int():
            return message + integer(3, value) + integer(20, 2)
        case str():
            return message + text(4, value) + integer(20, 3)
    return message + b"".join(integer(8, item) for item in value) + integer(20, 7)


def tensor(name: str, array: NDArray[Any]) -> bytes:
    """The message of a named constant of float32, int64 or uint8."""
    stored = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
    sizes = b"".join(integer(1, size) for size in array.shape)
    return sizes + integer(2, _TYPES[array.dtype.name]) + text(8, name) + data(9, stored.tobytes())


def value_info(name: str, shape: Shape, dtype: str = "float32") -> bytes:
    """The message of an input or output; a dimension that is a text is free."""
    dims = b"".join(data(1, text(2, d) if isinstance(d, str) else integer(1, d)) for d in shape)
    kind = integer(1, _TYPES[dtype]) + data(2, dims)
    return text(1, name) + data(2, data(1, kind))
