"""Hybrid Transformer Demucs (Rouard et al. 2023) by the `demucs` package: the voice and all the rest.

The published networks see a few seconds at once. Windows overlap by a quarter under triangular weights,
as the package's own `apply_model` lays them, but read from a stream: an hour needs no more memory
than a minute.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import yaml
from numpy.typing import NDArray

from models.errors import ModelError
from models.separation import SAMPLE_RATE, Stems
from models.torch.runtime import Runtime

if TYPE_CHECKING:
    import torch

_OVERLAP = 0.25
_VOICE = "vocals"
FloatArray = NDArray[np.float32]


class Demucs:
    """Separates voice from accompaniment, as `models.separation.Spleeter` does."""

    def __init__(self, weights: Path | str, runtime: Runtime, *, batch: int = 1) -> None:
        """Load one network or a bag of them.

        Args:
            weights: a `.th` file as published, or a folder of them with the bag's `.yaml`.
            runtime: device; the networks work in float32.
            batch: windows separated at once.

        Raises:
            ModelError: the package or a file is missing, or it is no such network.
        """
        weights = Path(weights)
        files, shares = _bag(weights)
        self._networks = [runtime.place(_load(file)) for file in files]
        self.runtime, self._batch = runtime, batch
        segment = self._networks[0].segment
        for network in self._networks:
            same = (network.samplerate, network.segment) == (SAMPLE_RATE, segment)
            if _VOICE not in network.sources or not same:
                raise ModelError(
                    f"{weights}: needs a source {_VOICE!r} at {SAMPLE_RATE} Hz and windows of one length"
                )
        self._voice = [list(network.sources).index(_VOICE) for network in self._networks]
        self._shares = [
            share[place] if share else 1.0 for share, place in zip(shares, self._voice, strict=True)
        ]
        self._length = int(SAMPLE_RATE * segment)
        self._stride = int((1 - _OVERLAP) * self._length)
        half = self._length // 2
        ramp = np.concatenate([np.arange(1, half + 1), np.arange(self._length - half, 0, -1)])
        self._weight = (ramp / ramp.max()).astype(np.float32)
        self.source = f"demucs-{weights.stem}"

    def separate(self, samples: FloatArray) -> Stems:
        """Separate (n, 2) float32 stereo at 44.1 kHz that is in memory; give mono twice."""
        parts = list(self.stream([samples]))
        empty = np.zeros((0, 2), np.float32)
        return Stems(
            np.concatenate([part.vocals for part in parts] or [empty]),
            np.concatenate([part.accompaniment for part in parts] or [empty]),
        )

    def stream(self, blocks: Iterable[FloatArray]) -> Iterator[Stems]:
        """Separate a stream of (n, 2) blocks of any sizes; what comes out has the same total length."""
        window = _Window(self._length, self._stride, self._weight)
        for block in blocks:
            window.add(np.asarray(block, np.float32))
            while window.whole >= self._batch:
                yield self._next(window, self._batch)
        window.ended = True
        while window.left:
            yield self._next(window, min(self._batch, window.left))

    def _next(self, window: _Window, count: int) -> Stems:
        pieces = [window.piece(number) for number in range(count)]
        voice = self.runtime.map(self._run, [piece.samples for piece in pieces], batch=self._batch)
        for piece, one in zip(pieces, voice, strict=True):
            window.put(piece, one)
        mixture, vocals = window.take(count)
        return Stems(vocals, mixture - vocals)

    def _run(self, pieces: torch.Tensor) -> list[FloatArray]:
        """(length, 2) voice of pieces of the network's own length."""
        import torch

        pieces = pieces.transpose(1, 2).contiguous()
        total: Any = 0.0
        # Its spectra are complex: half precision is not for it.
        with torch.autocast(pieces.device.type, enabled=False):
            for network, place, share in zip(self._networks, self._voice, self._shares, strict=True):
                total = total + network(pieces)[:, place] * share
        return list(np.asarray((total / sum(self._shares)).transpose(1, 2).cpu().numpy(), np.float32))


class _Piece:
    """One window of the network's length, and which part of it are samples of the stream."""

    def __init__(self, samples: FloatArray, offset: int, skip: int, size: int) -> None:
        self.samples, self.offset, self.skip, self.size = samples, offset, skip, size


class _Window:
    """The part of a stream that is being separated."""

    def __init__(self, length: int, stride: int, weight: FloatArray) -> None:
        self._length, self._stride, self._weight = length, stride, weight
        self._held = np.zeros((0, 2), np.float32)
        self._from = 0  # of the stream, at the first sample held
        self._offset = 0  # of the next window
        self._out = np.zeros((length, 2), np.float32)  # from the next window's offset on
        self._sum = np.zeros((length, 1), np.float32)
        self.ended = False

    def add(self, block: FloatArray) -> None:
        self._held = np.concatenate([self._held, block])

    @property
    def _total(self) -> int:
        return self._from + len(self._held)

    @property
    def whole(self) -> int:
        """Windows that what has come can fill."""
        room = self._total - self._offset - self._length
        return room // self._stride + 1 if room >= 0 else 0

    @property
    def left(self) -> int:
        """Windows until the end of an ended stream."""
        return -(-(self._total - self._offset) // self._stride) if self._total > self._offset else 0

    def piece(self, number: int) -> _Piece:
        """A window in its own right; near the end it reaches back and is filled up with silence."""
        offset = self._offset + number * self._stride
        size = min(self._length, self._total - offset)
        missing = self._length - size
        start = offset - missing // 2
        first = max(start, self._from)
        samples = self._held[first - self._from : start + self._length - self._from]
        before = first - start
        after = self._length - before - len(samples)
        padded = np.pad(samples, ((before, after), (0, 0)))
        return _Piece(padded, offset, missing // 2, size)

    def put(self, piece: _Piece, voice: FloatArray) -> None:
        first = piece.offset - self._offset
        if (lacking := first + self._length - len(self._out)) > 0:
            self._out = np.pad(self._out, ((0, lacking), (0, 0)))
            self._sum = np.pad(self._sum, ((0, lacking), (0, 0)))
        weight = self._weight[: piece.size, None]
        self._out[first : first + piece.size] += weight * voice[piece.skip : piece.skip + piece.size]
        self._sum[first : first + piece.size] += weight

    def take(self, count: int) -> tuple[FloatArray, FloatArray]:
        """Mixture and voice of what no later window reaches."""
        size = min(count * self._stride, self._total - self._offset)
        first = self._offset - self._from
        mixture = self._held[first : first + size]
        voice = self._out[:size] / self._sum[:size]
        self._offset += size
        self._out, self._sum = self._out[size:], self._sum[size:]
        # The windows at the end reach back by half of what they lack.
        keep = max(0, self._offset - self._length // 2 - 1 - self._from)
        self._held, self._from = self._held[keep:], self._from + keep
        return mixture, voice


def _bag(weights: Path) -> tuple[list[Path], list[list[float] | None]]:
    """Files of the networks, and each one's share of every source."""
    if weights.is_file():
        return [weights], [None]
    if not weights.is_dir():
        raise ModelError(f"{weights}: no such file or folder; it is a NAME.th of Demucs, or a folder of them")
    files = sorted(weights.glob("*.th"))
    bags = sorted(weights.glob("*.yaml"))
    if len(bags) > 1 or not files:
        raise ModelError(
            f"{weights}: needs .th files and at most one .yaml, found {len(files)} and {len(bags)}"
        )
    if not bags:
        return files, [None] * len(files)
    try:
        bag = yaml.safe_load(bags[0].read_text(encoding="utf-8"))
        names = [str(name) for name in bag["models"]]
        shares = bag.get("weights") or [None] * len(names)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{bags[0]}: not a bag of Demucs networks: {error!r}") from error
    found = []
    for name in names:
        file = next((one for one in files if one.stem.split("-")[0] == name), None)
        if file is None:
            raise ModelError(f"{weights}: {bags[0].name} names {name}, and there is no {name}.th")
        found.append(file)
    return found, list(shares)


def _load(path: Path) -> Any:
    """The network of one `.th` file; nothing in it is run."""
    try:
        import torch
        from demucs.htdemucs import HTDemucs
    except ImportError as error:
        raise ModelError(f"demucs cannot be imported ({error}); pip install 'mmu-video[torch]'") from error
    try:
        with torch.serialization.safe_globals([HTDemucs, Fraction]):
            package = torch.load(path, map_location="cpu", weights_only=True)
        network = package["klass"](*package["args"], **package["kwargs"])
        network.load_state_dict({key: value.float() for key, value in package["state"].items()})
        if not network.use_train_segment:
            raise ValueError("trained without windows of one length")
    except Exception as error:  # unpickling and load_state_dict raise whatever a wrong file leads to
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise ModelError(f"{path}: not a network of HT-Demucs: {reason}") from error
    return network
