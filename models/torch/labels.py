"""Names of classes by their number, as the label maps of the graph spell them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

from models.errors import ModelError

_FOLDER = Path(__file__).parent


@cache
def shipped_labels(vocabulary: str) -> tuple[str, ...]:
    """The classes of a vocabulary that ships with the package: `imagenet1k`, `coco`, `kinetics400`, `voc`."""
    return tuple(json.loads((_FOLDER / f"{vocabulary}.json").read_text(encoding="utf-8")))


def read_labels(path: Path) -> tuple[str, ...]:
    """The classes of a user's own network: one a line, in order.

    Raises:
        ModelError: the file cannot be read, or has no or an empty line.
    """
    try:
        lines = path.expanduser().read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ModelError(f"cannot read the labels {path}: {error}") from error
    names = tuple(line.strip() for line in lines)
    if not names or not all(names):
        raise ModelError(f"labels {path}: expected one class a line, and no empty line")
    return names
