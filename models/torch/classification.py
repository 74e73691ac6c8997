"""Classes and features of pictures by torchvision's classifiers: ConvNeXt, ViT, Swin, EfficientNetV2, ResNet.

Pictures are prepared by the transforms that torchvision publishes with the weights.
Z. Liu et al., "A ConvNet for the 2020s", 2022; A. Dosovitskiy et al., "An Image is Worth 16x16 Words",
2021; Z. Liu et al., "Swin Transformer", 2021.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.checkpoint import fill, read_state
from models.torch.runtime import Runtime, import_torch
from models.torch.vision import import_torchvision, picture_tensor, variant_of

if TYPE_CHECKING:
    import torch


class Look(NamedTuple):
    """What the network says of one picture."""

    #: (classes,) float32, sums to 1
    probabilities: NDArray[np.float32]
    #: (d,) float32, L2-normalised features below the last layer
    embedding: NDArray[np.float32]


class Classifier:
    """One of torchvision's classifiers with the user's weights."""

    def __init__(
        self,
        path: Path,
        model: str,
        *,
        classes: int = 1000,
        variant: str | None = None,
        runtime: Runtime | None = None,
        batch: int = 16,
    ) -> None:
        """Build the network and fill it.

        Args:
            path: checkpoint (`.pth`, `.safetensors`).
            model: its name in torchvision, as `convnext_base`.
            classes: how many it tells apart.
            variant: whose transforms prepare the pictures, as `IMAGENET1K_V1` (default: the newest).
            runtime: device and precision.
            batch: pictures run at a time.

        Raises:
            ModelError: torchvision is missing, or the file is another network's.
        """
        self.runtime = runtime or Runtime()
        self.batch = batch
        self.classes = classes
        published = variant_of(model, variant)
        self._prepare: Any = published.transforms()
        side = int(self._prepare.crop_size[0])
        self._body, self._head = _build(model, classes, side, path)
        self._body, self._head = self.runtime.place(self._body), self.runtime.place(self._head)
        self.runtime.warm_up(self._forward, (3, side, side))

    def look(self, images: Sequence[NDArray[np.uint8]]) -> list[Look]:
        """Classes and features of pictures (h, w, 3) uint8 BGR, in their order."""
        rows = [self._prepare(picture_tensor(image)).numpy() for image in images]
        return self.runtime.map(self._forward, rows, batch=self.batch)

    def _forward(self, pixels: torch.Tensor) -> list[Look]:
        torch = import_torch()
        features = self._body(pixels)
        scores = torch.softmax(self._head(features).float(), dim=1).cpu().numpy()
        vectors = torch.nn.functional.normalize(features.float(), dim=1).cpu().numpy()
        return [Look(*row) for row in zip(scores, vectors, strict=True)]


def _build(model: str, classes: int, side: int, path: Path) -> tuple[torch.nn.Module, torch.nn.Module]:
    """The network below its last layer, and that layer."""
    torch, torchvision = import_torch(), import_torchvision()
    sized = {"image_size": side} if model.startswith("vit_") else {}
    network = torchvision.models.get_model(model, weights=None, num_classes=classes, **sized)
    fill(network, read_state(path), path=path, model=f"{model} of {classes} classes")
    name, head = [
        (name, layer) for name, layer in network.named_modules() if isinstance(layer, torch.nn.Linear)
    ][-1]
    if head.out_features != classes:
        raise ModelError(f"{model}: its last layer is no classifier")
    parent, _, attribute = name.rpartition(".")
    setattr(network.get_submodule(parent), attribute, torch.nn.Identity())
    return network, head
