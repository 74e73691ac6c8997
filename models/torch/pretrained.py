"""What the loaders of published folders share: no network, features and errors in one form."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.runtime import import_torch

if TYPE_CHECKING:
    import torch


def stay_offline() -> None:
    """Keep the hub's client from asking the network for what is not there; it reads this when imported."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


def import_transformers() -> Any:
    """The library, told to stay offline and to draw no progress bars.

    Raises:
        ModelError: it is not installed, or cannot be loaded.
    """
    stay_offline()
    try:
        import transformers
    except (ImportError, OSError) as error:
        raise ModelError(
            f"transformers cannot be loaded ({error}): pip install 'mmu-video[torch]'"
        ) from error
    transformers.utils.logging.disable_progress_bar()
    return transformers


def features_of(found: Any) -> torch.Tensor:
    """The features themselves: releases of transformers differ in what they wrap them into."""
    features: torch.Tensor = found if isinstance(found, import_torch().Tensor) else found.pooler_output
    return features


def unit_rows(found: Any) -> list[NDArray[np.float32]]:
    """(d,) float32 each, L2-normalised, of features as a network gives them."""
    rows = import_torch().nn.functional.normalize(features_of(found).float(), dim=1)
    return list(np.asarray(rows.cpu().numpy(), np.float32))


def reason_of(path: Path, model: str, error: Exception) -> str:
    """One line of what a library made of a wrong file."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    shown = " ".join(lines[:2])[:300]
    return f"{path} cannot be loaded as {model}: {shown}"
