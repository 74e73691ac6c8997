"""Optical flow between two pictures by RAFT.

Z. Teed, J. Deng, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow", 2020.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.torch.checkpoint import fill, read_state
from models.torch.runtime import Runtime
from models.torch.vision import import_torchvision, variant_of

if TYPE_CHECKING:
    import torch

#: sides of a picture must be multiples of this; torchvision's RAFT needs at least 128 pixels
_STEP, _LEAST = 8, 128


class FlowNet:
    """torchvision's `raft_large` or `raft_small` with the user's weights."""

    def __init__(
        self,
        path: Path,
        model: str,
        *,
        side: int = 384,
        updates: int = 12,
        runtime: Runtime | None = None,
        batch: int = 4,
    ) -> None:
        """Build the network and fill it.

        Args:
            path: checkpoint (`.pth`, `.safetensors`).
            model: `raft_large` or `raft_small`.
            side: long side at which pictures are compared, in pixels.
            updates: steps of refinement.
            runtime: device and precision.
            batch: pairs run at a time.

        Raises:
            ModelError: torchvision is missing, or the file is another network's.
        """
        self.runtime = runtime or Runtime()
        self.batch = batch
        self._side, self._updates = side, updates
        self._prepare: Any = variant_of(model, None).transforms()
        network = import_torchvision().models.get_model(model, weights=None)
        fill(network, read_state(path), path=path, model=model)
        self._network: Any = self.runtime.place(network)
        self.runtime.warm_up(self._forward, (2, 3, _LEAST, _LEAST))

    def flow(self, pairs: Sequence[tuple[NDArray[np.uint8], NDArray[np.uint8]]]) -> list[NDArray[np.float32]]:
        """Where each place of the first picture of a pair is found in the second.

        Args:
            pairs: pictures (h, w, 3) uint8 BGR, all of one size.

        Returns:
            For each pair (h', w', 2) float32: shift to the right and down as shares of width and height,
            on a grid of at most `side` pixels.
        """
        rows = [np.stack([self._pixels(first), self._pixels(second)]) for first, second in pairs]
        return self.runtime.map(self._forward, rows, batch=self.batch)

    def _pixels(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        height, width = image.shape[:2]
        scale = min(1.0, self._side / max(height, width))
        size = [max(_LEAST, round(length * scale / _STEP) * _STEP) for length in (width, height)]
        small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return np.ascontiguousarray(small[:, :, ::-1].transpose(2, 0, 1).astype(np.uint8, copy=False))

    def _forward(self, pixels: torch.Tensor) -> list[NDArray[np.float32]]:
        first, second = self._prepare(pixels[:, 0], pixels[:, 1])
        flow = self._network(first, second, num_flow_updates=self._updates)[-1].float()
        height, width = flow.shape[-2:]
        shifts = flow.permute(0, 2, 3, 1).cpu().numpy() / np.array([width, height], np.float32)
        return list(shifts.astype(np.float32))
