"""Read a TensorFlow checkpoint (the "tensor bundle" format) without TensorFlow.

The `.index` file is a sorted table in LevelDB's format: data blocks of
prefix-compressed keys, then an index block, then a footer of 48 bytes. Its
values are `BundleEntryProto` messages that say where in the `.data` file a
tensor lies.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from models import protobuf

_MAGIC = 0xDB4775248B80FB57
_FOOTER = 48
_FLOAT32 = 1


def read_checkpoint(index: bytes, data: bytes) -> dict[str, NDArray[np.float32]]:
    """Return all float32 tensors of a checkpoint with one data file, by variable name.

    Raises:
        ValueError: not such a checkpoint.
    """
    footer = index[-_FOOTER:]
    if len(footer) < _FOOTER or struct.unpack("<Q", footer[-8:])[0] != _MAGIC:
        raise ValueError("not the index of a TensorFlow checkpoint")
    _, at = _handle(footer, 0)  # the first handle is of the meta index
    (offset, size), _ = _handle(footer, at)
    tensors = {}
    for _, handle in _entries(_block(index, offset, size)):
        (offset, size), _ = _handle(handle, 0)
        for key, value in _entries(_block(index, offset, size)):
            fields = _fields(value)
            if key and fields.get(1) == _FLOAT32:  # the empty key is the header
                tensors[key.decode("utf-8")] = _tensor(fields, data)
    return tensors


def _tensor(fields: dict[int, int | bytes], data: bytes) -> NDArray[np.float32]:
    shape = [int(_fields(dim).get(1, 0)) for dim in _all(fields.get(2, b""), 2)]
    offset, size = int(fields.get(4, 0)), int(fields.get(5, 0))
    values = np.frombuffer(data[offset : offset + size], dtype="<f4")
    return values.reshape(shape).astype(np.float32)


def _block(index: bytes, offset: int, size: int) -> bytes:
    if index[offset + size] != 0:
        raise ValueError("the checkpoint's index is compressed, which is not known here")
    return index[offset : offset + size]


def _entries(block: bytes) -> Iterator[tuple[bytes, bytes]]:
    restarts = struct.unpack("<I", block[-4:])[0]
    end, at, key = len(block) - 4 * (restarts + 1), 0, b""
    while at < end:
        shared, at = protobuf.read_number(block, at)
        unshared, at = protobuf.read_number(block, at)
        length, at = protobuf.read_number(block, at)
        key = key[:shared] + block[at : at + unshared]
        at += unshared
        yield key, block[at : at + length]
        at += length


def _handle(data: bytes, at: int) -> tuple[tuple[int, int], int]:
    offset, at = protobuf.read_number(data, at)
    size, at = protobuf.read_number(data, at)
    return (offset, size), at


def _fields(data: int | bytes) -> dict[int, int | bytes]:
    return {one.number: one.value for one in protobuf.fields(data)} if isinstance(data, bytes) else {}


def _all(data: int | bytes, field: int) -> list[bytes]:
    found = protobuf.fields(data) if isinstance(data, bytes) else ()
    return [one.value for one in found if one.number == field and isinstance(one.value, bytes)]
