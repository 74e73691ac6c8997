"""Reading a checkpoint into a network, with an error of one line when the two do not fit."""

from __future__ import annotations

import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models.errors import ModelError
from models.torch.runtime import import_torch

if TYPE_CHECKING:
    import torch

#: keys under which training scripts put the weights
_WRAPPED = ("state_dict", "model_state_dict", "model")
_PREFIXES = ("module.", "_orig_mod.")


def read_state(path: Path) -> dict[str, torch.Tensor]:
    """The tensors of a `.pth`, `.pt` or `.safetensors` file by name.

    Only tensors and plain containers are unpickled (`weights_only`), so a file cannot run code.

    Raises:
        ModelError: it cannot be read, or holds something else.
    """
    torch = import_torch()
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            return dict(load_file(path))
        data = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
    except ImportError as error:
        raise ModelError(f"{path} needs {error.name}: pip install {error.name}") from error
    except (OSError, RuntimeError, EOFError, ValueError, KeyError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ModelError(f"{path} is no checkpoint that torch reads ({reason})") from error
    except Exception as error:  # safetensors has an exception of its own
        raise ModelError(f"{path} cannot be read: {error}") from error
    return _tensors(data, path)


def fill(module: torch.nn.Module, state: Mapping[str, torch.Tensor], *, path: Path, model: str) -> None:
    """Put tensors into a network; every name and shape must fit, as spelt now or by earlier releases.

    Raises:
        ModelError: they are another network's; the message names the first that does not fit.
    """
    try:
        result = module.load_state_dict(state, strict=False)
    except RuntimeError as error:
        lines = [line.strip() for line in str(error).splitlines()]
        raise ModelError(_misfit(path, model, lines[1] if len(lines) > 1 else lines[0])) from error
    missing, foreign = result.missing_keys, result.unexpected_keys
    if missing or foreign:
        found = [
            f"{len(missing)} tensors are missing (as {missing[0]})" if missing else "",
            f"{len(foreign)} are none of its own (as {foreign[0]})" if foreign else "",
        ]
        raise ModelError(_misfit(path, model, ", ".join(filter(None, found))))


def _misfit(path: Path, model: str, why: str) -> str:
    return f"{path} holds no {model}: {why.rstrip('.')}; is `model:` the right one?"


def _tensors(data: Any, path: Path) -> dict[str, torch.Tensor]:
    torch = import_torch()
    for key in _WRAPPED:
        if isinstance(data, Mapping) and isinstance(data.get(key), Mapping):
            data = data[key]
            break
    if not isinstance(data, Mapping) or not data:
        raise ModelError(f"{path} holds no weights by name: found a {type(data).__name__}")
    tensors = OrderedDict(
        (str(name), value) for name, value in data.items() if isinstance(value, torch.Tensor)
    )
    if not tensors:
        raise ModelError(f"{path} holds no weights by name: its first key is {next(iter(data))!r}")
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            return OrderedDict((name.removeprefix(prefix), value) for name, value in tensors.items())
    if (versions := getattr(data, "_metadata", None)) is not None:
        # torch tells by it in which spelling of the names a file was written
        vars(tensors)["_metadata"] = versions
    return tensors
