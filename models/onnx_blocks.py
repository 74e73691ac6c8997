"""Networks with block-quantised weights (OpenCV Zoo's `int8bq`), written out for ONNX Runtime.

Their weights are 8-bit integers with a scale for every few of them, as constants behind `DequantizeLinear`
operators (ONNX 1.16, opset 21). OpenCV reads them as float32; ONNX Runtime refuses scales of one element.
Here the products take the place of the operators: the same numbers, and ONNX Runtime computes with them in
about half of OpenCV's time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models.convert.onnx_graph import Shape, tensor, value_info
from models.errors import ModelError
from models.protobuf import Field, data, fields

# Field numbers of onnx.proto.
_MODEL_GRAPH = 7
_NODE, _CONSTANT, _INPUT, _OUTPUT, _VALUE_INFO = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_OP, _NODE_ATTRIBUTE = 1, 2, 4, 5
_DTYPES = {1: "<f4", 2: "u1", 3: "i1", 7: "<i8"}


def unpacked(content: bytes, *, shapes: Mapping[str, Shape]) -> bytes:
    """The same network with weights in float32.

    Args:
        content: an `.onnx` file.
        shapes: of its inputs and outputs by name, in place of those that it states; a text is a free size.

    Raises:
        ModelError: it is no such file.
    """
    try:
        return b"".join(
            data(_MODEL_GRAPH, _graph(_message(field), shapes)) if field.number == _MODEL_GRAPH else field.raw
            for field in fields(content)
        )
    except (ValueError, KeyError, IndexError) as error:
        raise ModelError(f"not a network with block-quantised weights: {error}") from error


def _graph(graph: bytes, shapes: Mapping[str, Shape]) -> bytes:
    parts = list(fields(graph))
    constants = {_name(one, 8): _message(one) for one in parts if one.number == _CONSTANT}
    out: list[bytes] = []
    for part in parts:
        if part.number == _NODE and _is_packed(_message(part), constants):
            out.append(data(_CONSTANT, _weights(_message(part), constants)))
        elif part.number in (_INPUT, _OUTPUT) and (name := _name(part, 1)) in shapes:
            out.append(data(part.number, value_info(name, shapes[name])))
        elif part.number != _VALUE_INFO:  # shapes in between follow from the new ones
            out.append(part.raw)
    return b"".join(out)


def _is_packed(node: bytes, constants: Mapping[str, bytes]) -> bool:
    return _texts(node, _NODE_OP) == ["DequantizeLinear"] and _texts(node, _NODE_INPUT)[0] in constants


def _weights(node: bytes, constants: Mapping[str, bytes]) -> bytes:
    """The constant that a `DequantizeLinear` gives."""
    stored, scale, zero = (_array(constants[name]) for name in _texts(node, _NODE_INPUT))
    options = {"axis": 1, "block_size": 0}
    for attribute in (_message(field) for field in fields(node) if field.number == _NODE_ATTRIBUTE):
        values = {field.number: field.value for field in fields(attribute)}
        options[str(values[1], "utf-8")] = int(values[3])  # type: ignore[arg-type]  # name and number
    if scale.size == 1:
        scale, zero = scale.reshape(()), zero.reshape(())
    elif options["block_size"]:
        scale, zero = (
            np.repeat(one, options["block_size"], axis=options["axis"])[
                tuple(slice(0, size) for size in stored.shape)
            ]
            for one in (scale, zero)
        )
    else:
        along = [1] * stored.ndim
        along[options["axis"]] = -1
        scale, zero = scale.reshape(along), zero.reshape(along)
    product = (stored.astype(np.float32) - zero.astype(np.float32)) * scale.astype(np.float32)
    return tensor(_texts(node, _NODE_OUTPUT)[0], product)


def _array(message: bytes) -> NDArray[Any]:
    sizes: list[int] = []
    content, kind = b"", 0
    for field in fields(message):
        match field.number, field.value:
            case 1, int(size):
                sizes.append(size)
            case 2, int(number):
                kind = number
            case 9, bytes(raw):
                content = raw
    return np.frombuffer(content, np.dtype(_DTYPES[kind])).reshape(sizes)


def _message(field: Field) -> bytes:
    if isinstance(field.value, int):
        raise ValueError(f"field {field.number} is a number")
    return field.value


def _name(field: Field, number: int) -> str:
    return (_texts(_message(field), number) or [""])[0]


def _texts(message: bytes, number: int) -> Sequence[str]:
    return [str(_message(field), "utf-8") for field in fields(message) if field.number == number]
