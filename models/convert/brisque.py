"""The feature ranges of BRISQUE from a pickle to JSON (Mittal et al., IEEE TIP 21(12), 2012)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from models.convert.unpickle import unpickle

FEATURES = 36


def convert(inputs: Mapping[str, Path]) -> bytes:
    """Return `{"min": [36 floats], "max": [36 floats]}` as JSON.

    Raises:
        ValueError: the pickle holds something else.
    """
    (path,) = inputs.values()
    data = unpickle(path.read_bytes())
    ranges = {"min": [float(v) for v in data["min_"]], "max": [float(v) for v in data["max_"]]}
    if any(len(values) != FEATURES for values in ranges.values()):
        raise ValueError(f"expected {FEATURES} minima and maxima")
    return (json.dumps(ranges) + "\n").encode()
