"""PANNs (Kong et al. 2020): sound events of AudioSet from a published checkpoint."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.pieces import of_one_length
from models.torch.runtime import Runtime, import_torch

if TYPE_CHECKING:
    import torch

#: the list of AudioSet's labels, in the order of the network's outputs
LABELS = "class_labels_indices.csv"
#: the network halves time five times
_LEAST_FRAMES = 32


class Panns:
    """Probabilities of AudioSet's labels for pieces of sound."""

    many_labels = True

    def __init__(self, weights: Path | str, runtime: Runtime, *, batch: int = 8) -> None:
        """Load a network.

        Args:
            weights: folder with one `.pth` checkpoint and `class_labels_indices.csv`, or the checkpoint
                with that file beside it.
            runtime: device and number format.
            batch: pieces run at once; pieces of different lengths are never padded to one.

        Raises:
            ModelError: a file is missing, or is not such a checkpoint.
        """
        torch = import_torch()
        path = _checkpoint(Path(weights))
        self.labels = read_labels(path.with_name(LABELS))
        try:
            from models.torch.cnn14 import Cnn

            package = torch.load(path, map_location="cpu", weights_only=True)
            network = Cnn(package["model"])
        except Exception as error:  # unpickling and load_state_dict raise whatever a wrong file leads to
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(f"{path}: not a checkpoint of PANNs (Cnn14 or Cnn10): {reason}") from error
        outputs = network.fc_audioset.out_features
        if outputs != len(self.labels):
            raise ModelError(f"{path}: {outputs} outputs, and {LABELS} has {len(self.labels)} labels")
        self.runtime, self._batch = runtime, batch
        self.sample_rate = network.sample_rate
        self._network = runtime.place(network)

    def probabilities(self, pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Probability of each of `labels`, each by itself.

        Args:
            pieces: (n,) float32 mono each, at `sample_rate`; short ones are filled up with silence.

        Returns:
            (len(pieces), len(labels)) float32.
        """
        least = _LEAST_FRAMES * self.sample_rate // 100
        filled = [np.pad(piece, (0, max(0, least - len(piece)))) for piece in pieces]
        out = np.zeros((len(pieces), len(self.labels)), np.float32)
        for indices in of_one_length(filled):
            rows = [np.asarray(filled[index], np.float32) for index in indices]
            out[indices] = self.runtime.map(self._run, rows, batch=self._batch)
        return out

    def _run(self, samples: torch.Tensor) -> list[NDArray[np.float32]]:
        return list(np.asarray(self._network(samples).float().cpu().numpy(), np.float32))


def read_labels(path: Path) -> tuple[str, ...]:
    """Labels by index from AudioSet's `index,mid,display_name` file.

    Raises:
        ModelError: the file is missing, or has other columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = {int(row["index"]): row["display_name"] for row in csv.DictReader(file)}
    except OSError as error:
        raise ModelError(
            f"cannot read {path}: {error.strerror}; put AudioSet's {LABELS} beside the checkpoint"
        ) from error
    except (KeyError, ValueError, TypeError, csv.Error) as error:
        raise ModelError(f"{path}: expected the columns index, mid, display_name: {error!r}") from error
    if sorted(rows) != list(range(len(rows))) or not rows:
        raise ModelError(f"{path}: its indices do not go from 0 to {len(rows) - 1}")
    return tuple(rows[index] for index in range(len(rows)))


def _checkpoint(path: Path) -> Path:
    if path.is_dir():
        found = sorted(path.glob("*.pth"))
        if len(found) != 1:
            raise ModelError(f"{path}: needs one .pth checkpoint, has {len(found)}")
        return found[0]
    if not path.is_file():
        raise ModelError(f"{path}: no such file; it is a .pth checkpoint of PANNs or a folder with one")
    return path
