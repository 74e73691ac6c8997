"""Conversions at pull time: checkpoints of training frameworks to files that run without them.

Every converter is deterministic: the manifest holds the hash of its input and of its output.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from pathlib import Path

from models.errors import ModelError

Converter = Callable[[Mapping[str, Path]], bytes]

#: name in the manifest -> function of a module here: input files by manifest name -> the output file's bytes
_CONVERTERS = {
    "beatnet": "models.convert.beatnet:convert",
    "brisque": "models.convert.brisque:convert",
    "campplus": "models.convert.campplus:convert",
    "keras": "models.convert.keras:convert",
    "lac": "models.convert.lac:convert",
    "musicnn": "models.convert.musicnn:convert",
    "segmentation": "models.convert.segmentation:convert",
    "spleeter": "models.convert.spleeter:convert",
}


def convert(by: str, inputs: Mapping[str, Path]) -> bytes:
    """Run the converter named `by`.

    Raises:
        ModelError: no such converter, or an input is not what it expects.
    """
    if by not in _CONVERTERS:
        raise ModelError(f"unknown conversion {by!r}; known are: {', '.join(sorted(_CONVERTERS))}")
    module, _, function = _CONVERTERS[by].partition(":")
    converter: Converter = getattr(importlib.import_module(module), function)
    try:
        return converter(inputs)
    except (KeyError, IndexError, ValueError, TypeError, OSError) as error:
        raise ModelError(f"conversion {by!r} failed on {', '.join(inputs)}: {error}") from error
