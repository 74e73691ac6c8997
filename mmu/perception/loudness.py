"""Programme loudness (ITU-R BS.1770-4) and clipping, over windows of any number.

The K-weighting filters are pyloudnorm's; blocks are gathered over all windows and gated at the end, so
that memory does not grow with the length of the sound by more than ten numbers a second.
"""

from __future__ import annotations

import numpy as np
import pyloudnorm
from numpy.typing import NDArray

_BLOCK, _OVERLAP = 0.4, 0.75
_ABSOLUTE_GATE, _RELATIVE_GATE = -70.0, -10.0
_CLIP_LEVEL = 0.999
_CLIP_RUN = 3


class Loudness:
    """Feed it windows; then ask."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._meter = pyloudnorm.Meter(rate)
        self._powers: list[NDArray[np.float64]] = []
        self._samples = self._clipped = 0
        self._peak = 0.0

    def add(self, samples: NDArray[np.float32]) -> None:
        """Take one window, (n, channels) float32 in [-1, 1]."""
        if not len(samples):
            return
        top = np.abs(samples).max(axis=1)
        self._peak = max(self._peak, float(top.max()))
        self._samples += len(samples)
        self._clipped += _in_runs(top >= _CLIP_LEVEL, _CLIP_RUN)
        size, hop = int(_BLOCK * self._rate), round(_BLOCK * (1 - _OVERLAP) * self._rate)
        if len(samples) < size:
            return
        power = np.zeros(len(samples))
        for channel in range(samples.shape[1]):
            weighted = samples[:, channel].astype(np.float64)
            for stage in self._meter._filters.values():
                weighted = stage.apply_filter(weighted)
            power += weighted**2
        sums = np.concatenate([[0.0], np.cumsum(power)])
        starts = np.arange(0, len(samples) - size + 1, hop)
        self._powers.append((sums[starts + size] - sums[starts]) / size)

    @property
    def integrated(self) -> float | None:
        """LUFS after both gates; None when there is less than 0.4 s, or nothing above -70 LUFS."""
        if not self._powers:
            return None
        power = np.concatenate(self._powers)
        power = power[_lufs(power) > _ABSOLUTE_GATE]
        if not power.size:
            return None
        power = power[_lufs(power) > _lufs(power.mean()) + _RELATIVE_GATE]
        return float(_lufs(power.mean()))

    @property
    def peak_dbfs(self) -> float:
        """Level of the highest sample, at least -120 dBFS."""
        return float(20 * np.log10(max(self._peak, 1e-6)))

    @property
    def clipped(self) -> float:
        """Share of samples at full scale, three or more in a row."""
        return self._clipped / self._samples if self._samples else 0.0


def _lufs(power: NDArray[np.float64] | np.floating) -> NDArray[np.float64]:
    return np.asarray(-0.691 + 10 * np.log10(np.maximum(power, 1e-20)), np.float64)


def _in_runs(flags: NDArray[np.bool_], least: int) -> int:
    """How many of the flags stand in runs of at least `least`."""
    if not flags.any():
        return 0
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(np.int8), [0]]))).reshape(-1, 2)
    lengths = edges[:, 1] - edges[:, 0]
    return int(lengths[lengths >= least].sum())
