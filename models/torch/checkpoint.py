"""Reading a checkpoint into a network, with an error of one line when the two do not fit."""

from __future__ import annotations

import pickle
import zipfile
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
    """Put tensors into a network; every name and shape must fit.

    Raises:
        ModelError: they are another network's; the message names the first that does not fit.
    """
    own = module.state_dict()
    missing, foreign = own.keys() - state.keys(), state.keys() - own.keys()
    shaped = [name for name in own.keys() & state.keys() if own[name].shape != state[name].shape]
    if missing or foreign or shaped:
        found = [
            f"{len(missing)} tensors are missing (as {sorted(missing)[0]})" if missing else "",
            f"{len(foreign)} are none of its own (as {sorted(foreign)[0]})" if foreign else "",
            f"{len(shaped)} have another shape ({_shapes(sorted(shaped)[0], own, state)})" if shaped else "",
        ]
        raise ModelError(
            f"{path} holds no {model}: {', '.join(filter(None, found))}; is `model:` the right one?"
        )
    module.load_state_dict(dict(state))


def _shapes(name: str, own: Mapping[str, Any], state: Mapping[str, Any]) -> str:
    return f"{name} is {tuple(state[name].shape)}, not {tuple(own[name].shape)}"


def _tensors(data: Any, path: Path) -> dict[str, torch.Tensor]:
    torch = import_torch()
    for key in _WRAPPED:
        if isinstance(data, Mapping) and isinstance(data.get(key), Mapping):
            data = data[key]
            break
    if not isinstance(data, Mapping) or not data:
        raise ModelError(f"{path} holds no weights by name: found a {type(data).__name__}")
    tensors = {str(name): value for name, value in data.items() if isinstance(value, torch.Tensor)}
    if not tensors:
        raise ModelError(f"{path} holds no weights by name: its first key is {next(iter(data))!r}")
    for prefix in _PREFIXES:
        if all(name.startswith(prefix) for name in tensors):
            tensors = {name.removeprefix(prefix): value for name, value in tensors.items()}
    return tensors
