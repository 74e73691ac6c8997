"""Objects with boxes by torchvision's detectors: Faster R-CNN, RetinaNet, FCOS, SSD, SSDlite on COCO.

S. Ren et al., "Faster R-CNN", 2015; T.-Y. Lin et al., "Focal Loss for Dense Object Detection", 2017;
W. Liu et al., "SSD: Single Shot MultiBox Detector", 2016. Size, normalisation and non-maximum
suppression are part of torchvision's networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.torch.checkpoint import fill, read_state
from models.torch.runtime import Runtime, import_torch
from models.torch.vision import import_torchvision, variant_of

if TYPE_CHECKING:
    import torch

#: first releases whose batch norm was trained without an epsilon; torchvision sets it so on loading them
_NO_EPSILON = {
    "fasterrcnn_resnet50_fpn",
    "maskrcnn_resnet50_fpn",
    "keypointrcnn_resnet50_fpn",
    "retinanet_resnet50_fpn",
}


class Found(NamedTuple):
    """One object of one picture."""

    #: number of its class
    label: int
    score: float
    #: pixels of the picture given
    x: float
    y: float
    w: float
    h: float


class Detector:
    """One of torchvision's detectors with the user's weights."""

    def __init__(
        self,
        path: Path,
        model: str,
        *,
        classes: int = 91,
        variant: str | None = None,
        side: int | None = None,
        runtime: Runtime | None = None,
        batch: int = 8,
    ) -> None:
        """Build the network and fill it.

        Args:
            path: checkpoint (`.pth`, `.safetensors`).
            model: its name in torchvision, as `fasterrcnn_resnet50_fpn_v2`.
            classes: how many it tells apart, the background counted.
            variant: which published weights the file is, as `COCO_V1` (default: the newest).
            side: short side, in pixels, at which pictures are searched (default: as published; the SSD
                networks have a size of their own).
            runtime: device and precision.
            batch: pictures run at a time.

        Raises:
            ModelError: torchvision is missing, or the file is another network's.
        """
        self.runtime = runtime or Runtime()
        self.batch = batch
        published = variant_of(model, variant)
        network = import_torchvision().models.get_model(
            model, weights=None, weights_backbone=None, num_classes=classes
        )
        fill(network, read_state(path), path=path, model=f"{model} of {classes} classes")
        if model in _NO_EPSILON and published.name == "COCO_V1":
            _without_epsilon(network)
        if side is not None and network.transform.fixed_size is None:
            ratio = network.transform.max_size / network.transform.min_size[-1]
            network.transform.min_size, network.transform.max_size = (side,), round(side * ratio)
        self._network: Any = self.runtime.place(network)
        self.runtime.warm_up(self._forward, (3, 320, 320))

    def detect(self, images: Sequence[NDArray[np.uint8]], *, threshold: float = 0.3) -> list[list[Found]]:
        """Objects of pictures (h, w, 3) uint8 BGR of one size, best first, for each picture in order."""
        rows = [np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)) for image in images]
        found = self.runtime.map(self._forward, rows, batch=self.batch)
        return [[one for one in several if one.score >= threshold] for several in found]

    def _forward(self, pixels: torch.Tensor) -> list[list[Found]]:
        torch = import_torch()
        if not pixels.is_floating_point():
            pixels = pixels.to(torch.float32) / 255
        found = []
        for one in self._network(list(pixels)):
            boxes = one["boxes"].float().cpu().numpy()
            labels, scores = one["labels"].tolist(), one["scores"].float().tolist()
            found.append(
                [
                    Found(label, score, float(x0), float(y0), float(x1 - x0), float(y1 - y0))
                    for label, score, (x0, y0, x1, y1) in zip(labels, scores, boxes, strict=True)
                ]
            )
        return found


def _without_epsilon(network: torch.nn.Module) -> None:
    """As `torchvision.models.detection._utils.overwrite_eps`, for batch norm that is not frozen."""
    for layer in network.modules():
        if isinstance(layer, import_torch().nn.BatchNorm2d):
            layer.eps = 0.0
