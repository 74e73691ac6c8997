"""Actions of short clips by torchvision's video networks: MViT, Video Swin, R(2+1)D, S3D on Kinetics-400.

Y. Li et al., "MViTv2", 2022; Z. Liu et al., "Video Swin Transformer", 2022; D. Tran et al., "A Closer
Look at Spatiotemporal Convolutions", 2018. Clips are prepared by the transforms that torchvision
publishes with the weights.
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


class Tempo(NamedTuple):
    """How a network sees time."""

    #: frames of one clip
    frames: int
    #: frames a second
    rate: float

    @property
    def seconds(self) -> float:
        """Length of one clip."""
        return self.frames / self.rate


#: as torchvision evaluated its published weights
TEMPI = {
    "mvit_v1_b": Tempo(16, 7.5),
    "mvit_v2_s": Tempo(16, 7.5),
    "swin3d_t": Tempo(32, 15),
    "swin3d_s": Tempo(32, 15),
    "swin3d_b": Tempo(32, 15),
    "r2plus1d_18": Tempo(16, 15),
    "r3d_18": Tempo(16, 15),
    "mc3_18": Tempo(16, 15),
    "s3d": Tempo(128, 15),
}


class ActionNet:
    """One of torchvision's video classifiers with the user's weights."""

    def __init__(
        self,
        path: Path,
        model: str,
        *,
        classes: int = 400,
        variant: str | None = None,
        runtime: Runtime | None = None,
        batch: int = 4,
    ) -> None:
        """Build the network and fill it.

        Args:
            path: checkpoint (`.pth`, `.safetensors`).
            model: its name in torchvision, one of `TEMPI`.
            classes: how many it tells apart.
            variant: whose transforms prepare the clips, as `KINETICS400_V1` (default: the newest).
            runtime: device and precision.
            batch: clips run at a time.

        Raises:
            ModelError: torchvision is missing, or the file is another network's.
        """
        self.runtime = runtime or Runtime()
        self.batch = batch
        self.tempo = TEMPI[model]
        self._prepare: Any = variant_of(model, variant).transforms()
        network = import_torchvision().models.get_model(model, weights=None, num_classes=classes)
        fill(network, read_state(path), path=path, model=f"{model} of {classes} classes")
        self._network: Any = self.runtime.place(network)
        side = [int(value) for value in self._prepare.crop_size]
        self.runtime.warm_up(self._forward, (3, self.tempo.frames, *side))

    def classify(self, clips: Sequence[Sequence[NDArray[np.uint8]]]) -> NDArray[np.float32]:
        """Probabilities (clips, classes) float32 of clips of `tempo.frames` pictures (h, w, 3) uint8 BGR."""
        rows = [self._pixels(clip) for clip in clips]
        found = self.runtime.map(self._forward, rows, batch=self.batch)
        return np.stack(found) if found else np.zeros((0, 0), np.float32)

    def _pixels(self, clip: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        stacked = np.stack([image[:, :, ::-1].transpose(2, 0, 1) for image in clip])
        pixels: NDArray[np.float32] = self._prepare(import_torch().from_numpy(stacked)).numpy()
        return pixels

    def _forward(self, pixels: torch.Tensor) -> list[NDArray[np.float32]]:
        scores = import_torch().softmax(self._network(pixels).float(), dim=1)
        return list(scores.cpu().numpy())
