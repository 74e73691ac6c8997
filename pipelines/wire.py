"""Messages between a worker and its analysis process: a length, then JSON, over a pipe."""

from __future__ import annotations

import json
import os
import select
import struct
import time
from typing import Any

_LENGTH = struct.Struct("<Q")
#: no message is larger: a report of a day of video stays far below
LIMIT = 2**31


def send(pipe: int, message: dict[str, Any]) -> None:
    """Write one message.

    Raises:
        BrokenPipeError: nobody reads any more.
    """
    data = json.dumps(message, ensure_ascii=False, default=_plain).encode("utf-8", "surrogatepass")
    view = memoryview(_LENGTH.pack(len(data)) + data)
    while view:
        view = view[os.write(pipe, view) :]


def receive(pipe: int, timeout: float | None = None) -> dict[str, Any] | None:
    """Read one message; None when the other side has ended.

    Raises:
        TimeoutError: it did not come in `timeout` seconds.
        ValueError: not a message.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    head = _read(pipe, _LENGTH.size, deadline)
    if head is None:
        return None
    (length,) = _LENGTH.unpack(head)
    if length > LIMIT:
        raise ValueError(f"a message of {length} bytes")
    data = _read(pipe, length, deadline)
    if data is None:
        return None
    message: dict[str, Any] = json.loads(data.decode("utf-8", "surrogatepass"))
    return message


def _read(pipe: int, size: int, deadline: float | None) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([pipe], [], [], left)[0]:
                raise TimeoutError
        piece = os.read(pipe, min(size - len(data), 1 << 20))
        if not piece:
            return None
        data += piece
    return bytes(data)


def _plain(value: Any) -> Any:
    """NumPy numbers and arrays as Python's."""
    return value.tolist()
