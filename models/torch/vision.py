"""What torchvision's networks share: the import, the transforms of their published weights, pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.runtime import import_torch

if TYPE_CHECKING:
    import torch


def import_torchvision() -> Any:
    """The torchvision module.

    Raises:
        ModelError: it is not installed, or does not fit the installed torch.
    """
    try:
        import torchvision
    except (ImportError, OSError, RuntimeError) as error:
        raise ModelError(
            f"torchvision cannot be loaded ({str(error).splitlines()[0]}): pip install 'mmu-video[torch]'"
        ) from error
    return torchvision


def variant_of(model: str, variant: str | None) -> Any:
    """The description of a network's published weights: their transforms and classes.

    Raises:
        ModelError: torchvision has no such network, or no such weights of it.
    """
    torchvision = import_torchvision()
    try:
        known = torchvision.models.get_model_weights(model)
    except ValueError as error:
        raise ModelError(f"torchvision {torchvision.__version__} has no network {model!r}") from error
    if variant is None:
        return known.DEFAULT
    if variant not in known.__members__:
        raise ModelError(f"{model} has no variant {variant!r}; choices: {', '.join(known.__members__)}")
    return known[variant]


def picture_tensor(image: NDArray[np.uint8]) -> torch.Tensor:
    """(h, w, 3) uint8 BGR as (3, h, w) uint8 RGB."""
    rgb = np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1))
    tensor: torch.Tensor = import_torch().from_numpy(rgb)
    return tensor
