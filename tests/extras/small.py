"""Small things that tests of full-size networks share: checkpoints of random weights, a moving clip."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from mmu.media.clip import Clip


def checkpoint(folder: Path, model: str, **options: Any) -> Path:
    """One of torchvision's networks with random weights, saved as its published files are."""
    import torch
    import torchvision

    torch.manual_seed(7)
    if (
        ".detection." in (module := torchvision.models.get_model_builder(model).__module__)
        or "segm" in module
    ):
        options = {"weights_backbone": None, **options}
    network = torchvision.models.get_model(model, weights=None, **options)
    # batch norm as if it had seen pictures, so that a forgotten `eval` or statistic shows
    for layer in network.modules():
        if isinstance(layer, torch.nn.BatchNorm2d | torch.nn.BatchNorm3d):
            layer.running_mean.uniform_(-0.05, 0.05)
            layer.running_var.uniform_(0.5, 1.5)
    path = folder / f"{model}.pth"
    torch.save(network.state_dict(), path)
    return path


def picture(width: int = 320, height: int = 240, seed: int = 0) -> NDArray[np.uint8]:
    """Blurred noise and a few shapes, BGR."""
    generator = np.random.default_rng(seed)
    noise = generator.integers(0, 255, (height // 8, width // 8, 3), dtype=np.uint8)
    image = cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    cv2.circle(image, (width // 3, height // 2), height // 5, (30, 60, 220), -1)
    cv2.rectangle(image, (width // 2, height // 4), (width - 20, height - 30), (200, 180, 40), -1)
    return np.ascontiguousarray(image)


def moving_clip(seconds: float = 3.0, fps: float = 5.0, step: float = 4.0) -> Clip:
    """A picture that is panned over, `step` pixels a frame; 320 × 240."""
    wide = picture(900, 240)
    frames = []
    for number in range(int(seconds * fps)):
        left = round(number * step)
        frames.append((number / fps, np.ascontiguousarray(wide[:, left : left + 320])))
    return Clip.from_arrays(frames=frames, fps=fps)
