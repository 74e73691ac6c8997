"""Age and gender of a voice by wav2vec 2.0 with two heads, from a folder as published.

Burkhardt et al., "Speech-based Age and Gender Prediction with Transformers" (2023): the encoder's outputs
are averaged over time; one head gives the age in centuries, the other the probabilities of female, male
and child.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.pieces import of_one_length
from models.torch.pretrained import import_transformers, reason_of
from models.torch.runtime import Runtime, import_torch

if TYPE_CHECKING:
    import torch

#: what the second head tells apart, in its order
CLASSES = ("female", "male", "child")
_FILES = ("config.json", "preprocessor_config.json")


class VoiceAge:
    """Years and class probabilities of pieces of speech."""

    def __init__(self, folder: Path | str, runtime: Runtime, *, batch: int = 8) -> None:
        """Load a network.

        Args:
            folder: `config.json`, `preprocessor_config.json` and the weights, as published.
            runtime: device and number format.
            batch: pieces run at once; pieces of different lengths are never padded to one.

        Raises:
            ModelError: the library or a file is missing, or the folder holds another kind of network.
        """
        transformers = import_transformers()
        folder = Path(folder)
        if missing := [name for name in _FILES if not (folder / name).is_file()]:
            raise ModelError(f"{folder}: {', '.join(missing)} missing; it is a folder as published")
        try:
            self._extract: Any = transformers.AutoFeatureExtractor.from_pretrained(
                folder, local_files_only=True
            )
            network, found = network_class().from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
        except Exception as error:  # the library raises whatever a wrong file leads to
            raise ModelError(reason_of(folder, "wav2vec 2.0 with age and gender", error)) from error
        if absent := sorted(map(str, [*found["missing_keys"], *found.get("mismatched_keys", [])])):
            raise ModelError(
                f"{folder}: its weights lack {absent[0]} and {len(absent) - 1} more of a network for age and "
                "gender; it holds another kind of network"
            )
        self.runtime, self._batch = runtime, batch
        self._network = runtime.place(network.float())
        self.sample_rate = int(self._extract.sampling_rate)

    def read(self, pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(len(pieces), 4) float32: years, then the probabilities of `CLASSES`.

        Args:
            pieces: (n,) float32 mono each, at `sample_rate`.
        """
        out = np.zeros((len(pieces), 1 + len(CLASSES)), np.float32)
        for indices in of_one_length(pieces):
            several = [pieces[index] for index in indices]
            inputs = self._extract(several, sampling_rate=self.sample_rate, return_tensors="np")
            rows = list(np.asarray(inputs["input_values"], np.float32))
            out[indices] = self.runtime.map(self._run, rows, batch=self._batch)
        return out

    def _run(self, inputs: torch.Tensor) -> list[NDArray[np.float32]]:
        return list(np.asarray(self._network(inputs).float().cpu().numpy(), np.float32))


def network_class() -> Any:
    """The network as a class of transformers, with the parameter names of the published weights."""
    transformers, lib = import_transformers(), import_torch()
    nn = lib.nn

    class Head(nn.Module):  # type: ignore[misc, name-defined]
        def __init__(self, width: int, outputs: int) -> None:
            super().__init__()
            self.dense = nn.Linear(width, width)
            self.out_proj = nn.Linear(width, outputs)

        def forward(self, pooled: torch.Tensor) -> torch.Tensor:
            return self.out_proj(lib.tanh(self.dense(pooled)))

    class AgeGender(transformers.Wav2Vec2PreTrainedModel):  # type: ignore[misc, name-defined]
        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.wav2vec2 = transformers.Wav2Vec2Model(config)
            self.age = Head(config.hidden_size, 1)
            self.gender = Head(config.hidden_size, len(CLASSES))
            self.post_init()

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            pooled = self.wav2vec2(inputs).last_hidden_state.mean(dim=1)
            return lib.cat([100 * self.age(pooled), self.gender(pooled).softmax(dim=1)], dim=1)

    return AgeGender
