"""The wire format of Protocol Buffers: enough of it to read and write networks without a package.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5


class Field(NamedTuple):
    """One field of a message."""

    number: int
    #: an integer where the wire has one, else the bytes
    value: int | bytes
    #: the field as it stands in the message, tag included
    raw: bytes


def fields(message: bytes) -> Iterator[Field]:
    """The fields of a message, in its order.

    Raises:
        ValueError: it is no message.
    """
    at = 0
    while at < len(message):
        start = at
        tag, at = read_number(message, at)
        value: int | bytes
        match tag & 7:
            case 0:
                value, at = read_number(message, at)
            case 2:
                size, at = read_number(message, at)
                value, at = message[at : at + size], at + size
            case 1 | 5 as wire:
                size = 8 if wire == FIXED64 else 4
                value, at = message[at : at + size], at + size
            case wire:
                raise ValueError(f"wire type {wire} is not one of Protocol Buffers in use")
        if at > len(message):
            raise ValueError("the message ends within a field")
        yield Field(tag >> 3, value, message[start:at])


def tag(field: int, wire: int) -> bytes:
    """The head of a field."""
    return number(field << 3 | wire)


def number(value: int) -> bytes:
    """A number of variable length."""
    value &= (1 << 64) - 1  # negative numbers are written as two's complement of 64 bits
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def integer(field: int, value: int) -> bytes:
    """A field that is an integer."""
    return tag(field, VARINT) + number(value)


def data(field: int, value: bytes) -> bytes:
    """A field that is bytes, or a message."""
    return tag(field, LENGTH) + number(len(value)) + value


def text(field: int, value: str) -> bytes:
    """A field that is a text."""
    return data(field, value.encode("utf-8"))


def read_number(message: bytes, at: int) -> tuple[int, int]:
    """The number of variable length that begins at `at`, and where it ends.

    Raises:
        ValueError: the message ends within it.
    """
    value = shift = 0
    while at < len(message):
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("the message ends within a number")
