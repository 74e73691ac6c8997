"""The network of PANNs (Kong et al. 2020): log-mel spectrogram, blocks of two convolutions, tags of a clip.

The names of its parts are those of the published checkpoints. Window and mel filters are read from the
checkpoint too; depth, widths and sample rate follow from the shapes found there, so that Cnn14, its
16 kHz sibling and Cnn10 are one class.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn
from torch.nn import functional

#: Cnn14 has so many blocks; its last one does not pool
_DEEP = 6


class _Stft(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.size = size
        bins = size // 2 + 1
        self.conv_real = nn.Conv1d(1, bins, size, stride=hop_of(size), bias=False)
        self.conv_imag = nn.Conv1d(1, bins, size, stride=hop_of(size), bias=False)

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """Power of (n, samples) as (n, frames, bins)."""
        half = self.size // 2
        padded = functional.pad(samples[:, None], (half, half), mode="reflect")
        return (self.conv_real(padded) ** 2 + self.conv_imag(padded) ** 2).transpose(1, 2)


class _Spectrogram(nn.Module):
    def __init__(self, size: int) -> None:
        super().__init__()
        self.stft = _Stft(size)


class _LogMel(nn.Module):
    def __init__(self, bins: int, bands: int) -> None:
        super().__init__()
        self.melW = nn.Parameter(torch.zeros(bins, bands))

    def forward(self, power: torch.Tensor) -> torch.Tensor:
        return 10.0 * torch.log10(torch.clamp(power @ self.melW, min=1e-10))


class _Block(nn.Module):
    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(outputs), nn.BatchNorm2d(outputs)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = functional.relu(self.bn1(self.conv1(x)))
        return functional.relu(self.bn2(self.conv2(x)))


class Cnn(nn.Module):
    """Probabilities of the classes for (n, samples) float32 mono at `sample_rate`."""

    def __init__(self, state: Mapping[str, torch.Tensor]) -> None:
        """Build the network that a checkpoint's shapes describe, and load it.

        Raises:
            KeyError: a part is missing.
            RuntimeError: a part has another shape than the others ask for.
        """
        super().__init__()
        size = int(state["spectrogram_extractor.stft.conv_real.weight"].shape[-1])
        bins, bands = map(int, state["logmel_extractor.melW"].shape)
        self.sample_rate = 100 * hop_of(size)
        self.spectrogram_extractor = _Spectrogram(size)
        self.logmel_extractor = _LogMel(bins, bands)
        self.bn0 = nn.BatchNorm2d(bands)
        self.depth, width = 0, 1
        while (key := f"conv_block{self.depth + 1}.conv1.weight") in state:
            self.depth += 1
            outputs = int(state[key].shape[0])
            setattr(self, f"conv_block{self.depth}", _Block(width, outputs))
            width = outputs
        hidden, classes = int(state["fc1.weight"].shape[0]), int(state["fc_audioset.weight"].shape[0])
        self.fc1, self.fc_audioset = nn.Linear(width, hidden), nn.Linear(hidden, classes)
        self.load_state_dict(dict(state))

    def forward(self, samples: torch.Tensor) -> torch.Tensor:
        """(n, classes) probabilities; the classes do not exclude each other."""
        # Power exceeds what half precision can hold.
        with torch.autocast(samples.device.type, enabled=False):
            x = self.logmel_extractor(self.spectrogram_extractor.stft(samples))[:, None]
        x = self.bn0(x.transpose(1, 3)).transpose(1, 3)
        for number in range(1, self.depth + 1):
            x = getattr(self, f"conv_block{number}")(x)
            if number < _DEEP:
                x = functional.avg_pool2d(x, 2)
        x = x.mean(dim=3)
        x = x.amax(dim=2) + x.mean(dim=2)
        return torch.sigmoid(self.fc_audioset(functional.relu(self.fc1(x))))


def hop_of(size: int) -> int:
    """Samples between two frames for a window of `size`: 320 for 1024 (32 kHz), 160 for 512 (16 kHz)."""
    return size * 5 // 16
