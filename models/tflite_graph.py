"""Makes an inner tensor of a `.tflite` network an output, so that features can be read beside scores.

A `.tflite` file is a FlatBuffer (identifier TFL3); the places used here are fixed by
TensorFlow Lite's `schema.fbs`: Model.subgraphs is field 2, SubGraph.tensors 0 and .outputs 2,
Tensor.name 3.
"""

from __future__ import annotations

import struct

from models.errors import ModelError

_SUBGRAPHS, _TENSORS, _OUTPUTS, _NAME = 2, 0, 2, 3


def with_output(content: bytes, tensor: str) -> bytes:
    """Return the network with the named inner tensor added as its last output.

    Raises:
        ModelError: no `.tflite` file, or it has no such tensor.
    """
    try:
        if content[4:8] != b"TFL3":
            raise ModelError("not a .tflite file")
        graph = _vector(content, _field(content, _follow(content, 0), _SUBGRAPHS))[0]
        tensors = _vector(content, _field(content, graph, _TENSORS))
        names = [_text(content, _field(content, place, _NAME)) for place in tensors]
        if tensor not in names:
            raise ModelError(f"the network has no tensor {tensor!r}")
        slot = _field(content, graph, _OUTPUTS)
        start = _follow(content, slot)
        count = _u32(content, start)
        outputs = struct.unpack_from(f"<{count}i", content, start + 4)
    except (struct.error, IndexError) as error:
        raise ModelError(f"a damaged .tflite file: {error}") from error
    # the longer vector goes to the end of the file, and the subgraph's reference is turned to it
    patched = bytearray(content)
    patched += b"\0" * (-len(patched) % 4)
    struct.pack_into("<I", patched, slot, len(patched) - slot)
    patched += struct.pack(f"<I{count + 1}i", count + 1, *outputs, names.index(tensor))
    return bytes(patched)


def _u32(content: bytes, place: int) -> int:
    return int(struct.unpack_from("<I", content, place)[0])


def _follow(content: bytes, place: int) -> int:
    return place + _u32(content, place)


def _field(content: bytes, table: int, number: int) -> int:
    """Place of a table's field, through its vtable."""
    vtable = table - int(struct.unpack_from("<i", content, table)[0])
    size = int(struct.unpack_from("<H", content, vtable)[0])
    entry = 4 + 2 * number
    offset = int(struct.unpack_from("<H", content, vtable + entry)[0]) if entry < size else 0
    if not offset:
        raise ModelError("a .tflite file without the expected field")
    return table + offset


def _vector(content: bytes, slot: int) -> list[int]:
    """Places of the tables that a vector refers to."""
    start = _follow(content, slot)
    return [_follow(content, start + 4 + 4 * i) for i in range(_u32(content, start))]


def _text(content: bytes, slot: int) -> str:
    start = _follow(content, slot)
    return content[start + 4 : start + 4 + _u32(content, start)].decode("utf-8", "replace")
