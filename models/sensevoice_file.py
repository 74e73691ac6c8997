"""The files of a SenseVoice as sherpa-onnx publishes it: which is meant, its metadata, its tokens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError

FloatArray = NDArray[np.float32]

TOKENS, _FULL, _SMALL = "tokens.txt", "model.onnx", "model.int8.onnx"


def find_file(folder: Path, model: str) -> Path:
    """The network in a folder; where both are there, a model whose name ends in `int8` is the quantised one.

    Raises:
        ModelError: a file is missing, or `folder` is one.
    """
    if folder.is_file():
        raise ModelError(f"{folder} is a file: name its folder, with {_FULL} or {_SMALL} and {TOKENS}")
    names = (_SMALL, _FULL) if model.endswith("int8") else (_FULL, _SMALL)
    found = [folder / name for name in names if (folder / name).is_file()]
    missing = [] if found else [f"{_FULL} or {_SMALL}"]
    if not (folder / TOKENS).is_file():
        missing.append(TOKENS)
    if missing:
        raise ModelError(
            f"{folder}: {' and '.join(missing)} missing; it is a folder as sherpa-onnx publishes it"
        )
    return found[0]


def read_number(file: Path, key: str, text: str) -> int:
    """A number of the metadata.

    Raises:
        ModelError: it is none; the message names file and key, as that of `read_vector` does.
    """
    try:
        return int(text)
    except ValueError as error:
        raise ModelError(f"{file}: {key} of its metadata is {text[:20]!r}, no number") from error


def read_vector(file: Path, key: str, text: str) -> FloatArray:
    """(n,) float32 of numbers with commas between them."""
    try:
        return np.asarray([float(one) for one in text.split(",")], np.float32)
    except ValueError as error:
        raise ModelError(f"{file}: {key} of its metadata is no list of numbers") from error


def read_tokens(path: Path, expected: int) -> tuple[str, ...]:
    """Tokens by number; a line has the token and its number.

    Raises:
        ModelError: not such a file, or not `expected` tokens.
    """
    found: dict[int, str] = {}
    try:
        for line in path.read_text(encoding="utf-8").split("\n"):
            token, _, number = line.rpartition(" ")
            if token:
                found[int(number)] = token
    except (OSError, ValueError) as error:
        raise ModelError(f"{path}: not a list of tokens and their numbers: {error}") from error
    if sorted(found) != list(range(expected)):
        raise ModelError(f"{path}: lists {len(found)} tokens, the network has {expected}")
    return tuple(found[index] for index in range(expected))
