"""Which part of a picture is what, by torchvision's semantic segmentation: DeepLabV3, FCN, LR-ASPP.

L.-C. Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", 2017. Classes are
the 20 of Pascal VOC and the background; pictures are prepared as torchvision publishes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.torch.checkpoint import fill, read_state
from models.torch.runtime import Runtime, import_torch
from models.torch.vision import import_torchvision, picture_tensor, variant_of

if TYPE_CHECKING:
    import torch


class Regions(NamedTuple):
    """What covers one picture."""

    #: (classes,) float32, share of the pixels that each class covers; sums to 1
    shares: NDArray[np.float32]
    #: (classes,) float32, mean probability of a class where it is the likeliest; 0 where it is nowhere
    certainty: NDArray[np.float32]


class Segmenter:
    """One of torchvision's segmentation networks with the user's weights."""

    def __init__(
        self,
        path: Path,
        model: str,
        *,
        classes: int = 21,
        variant: str | None = None,
        runtime: Runtime | None = None,
        batch: int = 8,
    ) -> None:
        """Build the network and fill it.

        Args:
            path: checkpoint (`.pth`, `.safetensors`); an auxiliary classifier in it is not used.
            model: its name in torchvision, as `deeplabv3_resnet101`.
            classes: how many it tells apart, the background counted.
            variant: whose transforms prepare the pictures (default: the newest).
            runtime: device and precision.
            batch: pictures run at a time.

        Raises:
            ModelError: torchvision is missing, or the file is another network's.
        """
        self.runtime = runtime or Runtime()
        self.batch = batch
        self.classes = classes
        self._prepare: Any = variant_of(model, variant).transforms()
        network = import_torchvision().models.get_model(
            model, weights=None, weights_backbone=None, num_classes=classes
        )
        # Published files carry the auxiliary head of the training, of which a picture sees nothing.
        state = read_state(path)
        for name in [name for name in state if name.startswith("aux_classifier.")]:
            del state[name]
        fill(network, state, path=path, model=f"{model} of {classes} classes")
        self._network: Any = self.runtime.place(network)
        self.runtime.warm_up(self._forward, (3, 224, 224))

    def masks(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Probabilities (classes, h', w') float32 of a picture (h, w, 3) uint8 BGR, at the network's size."""
        row = self._prepare(picture_tensor(image)).numpy()
        found: list[NDArray[np.float32]] = self.runtime.map(
            lambda pixels: list(self._probabilities(pixels).cpu().numpy()), [row], batch=1
        )
        return found[0]

    def regions(self, images: Sequence[NDArray[np.uint8]]) -> list[Regions]:
        """Shares of the classes of pictures (h, w, 3) uint8 BGR of one size, in their order."""
        rows = [self._prepare(picture_tensor(image)).numpy() for image in images]
        return self.runtime.map(self._forward, rows, batch=self.batch)

    def _probabilities(self, pixels: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = import_torch().softmax(self._network(pixels)["out"].float(), dim=1)
        return found

    def _forward(self, pixels: torch.Tensor) -> list[Regions]:
        torch = import_torch()
        best, where = self._probabilities(pixels).max(dim=1)
        found = []
        for likelihood, label in zip(best, where, strict=True):
            counts = torch.bincount(label.flatten(), minlength=self.classes).float()
            sums = torch.zeros_like(counts).index_add_(0, label.flatten(), likelihood.flatten())
            certainty = torch.where(counts > 0, sums / counts.clamp(min=1), torch.zeros_like(counts))
            found.append(Regions((counts / counts.sum()).cpu().numpy(), certainty.cpu().numpy()))
        return found
