"""Read the tensors of a PyTorch checkpoint without PyTorch: a zip with a pickle of names and raw storages."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from models.convert.unpickle import RestrictedUnpickler

_STORAGES = {"FloatStorage": "<f4", "LongStorage": "<i8", "HalfStorage": "<f2", "IntStorage": "<i4"}


def read_checkpoint(path: Path, *, key: str | None = None) -> dict[str, NDArray[Any]]:
    """Return the state dict of a `.pt` or `.pth` file (PyTorch 1.6 or later) as arrays by name.

    Args:
        path: the file.
        key: entry of the pickled dict that holds the state dict (default: it is the state dict itself).

    Raises:
        ValueError: not such a file, or its pickle wants more than tensors.
    """
    try:
        with ZipFile(path) as archive:
            (table,) = (name for name in archive.namelist() if name.endswith("/data.pkl"))
            folder = table.removesuffix("data.pkl")

            def storage(pid: Any) -> NDArray[Any]:
                _, dtype, key, _, _ = pid
                return np.frombuffer(archive.read(f"{folder}data/{key}"), dtype=dtype)

            allowed: dict[str, Any] = {
                "collections OrderedDict": OrderedDict,
                "torch._utils _rebuild_tensor_v2": _rebuild,
            }
            # A storage class is only ever looked up, so its dtype can stand in for it.
            allowed |= {f"torch {name}": dtype for name, dtype in _STORAGES.items()}
            state = RestrictedUnpickler(archive.read(table), allowed=allowed, persistent=storage).load()
    except (BadZipFile, pickle.UnpicklingError, EOFError) as error:
        raise ValueError(f"not a readable PyTorch checkpoint: {error}") from error
    if key is not None and isinstance(state, dict):
        state = state.get(key)
    if not isinstance(state, dict):
        raise ValueError("the checkpoint holds no state dict")
    return {str(name): value for name, value in state.items() if isinstance(value, np.ndarray)}


def _rebuild(
    storage: NDArray[Any], offset: int, shape: Sequence[int], stride: Sequence[int], *_: Any
) -> NDArray[Any]:
    """Cut one tensor out of a storage, with bounds checked."""
    last = offset + sum((size - 1) * step for size, step in zip(shape, stride, strict=True))
    if min([offset, *shape, *stride, 0]) < 0 or (0 not in shape and last >= len(storage)):
        raise ValueError("a tensor of the checkpoint lies outside its storage")
    steps = [step * storage.itemsize for step in stride]
    return np.lib.stride_tricks.as_strided(storage[offset:], list(shape), steps, writeable=False).copy()
