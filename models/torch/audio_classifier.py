"""Classifiers of sound by the Transformers library, from a folder: sound events, vocal emotion.

Any network of `AutoModelForAudioClassification` loads: AST (Gong et al. 2021), wav2vec 2.0, HuBERT,
WavLM, Whisper encoders. What its outputs mean stands in the folder's own `config.json`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.pieces import of_one_length
from models.torch.pretrained import import_transformers
from models.torch.runtime import Runtime

if TYPE_CHECKING:
    import torch

_FILES = ("config.json", "preprocessor_config.json")
_WEIGHTS = ("model.safetensors", "pytorch_model.bin")
#: architectures whose labels do not exclude each other unless their configuration says so
_MANY_LABELS = frozenset({"audio-spectrogram-transformer"})


class AudioClassifier:
    """Probabilities of the labels of a network for pieces of sound."""

    def __init__(self, folder: Path | str, runtime: Runtime, *, batch: int = 8) -> None:
        """Load a network.

        Args:
            folder: `config.json`, `preprocessor_config.json` and `model.safetensors`, as published.
            runtime: device and number format.
            batch: pieces run at once; pieces of different lengths are never padded to one.

        Raises:
            ModelError: the library or a file is missing, or the folder holds another kind of network.
        """
        transformers = import_transformers()
        folder = Path(folder)
        missing = [name for name in _FILES if not (folder / name).is_file()]
        if not any((folder / name).is_file() for name in _WEIGHTS):
            missing.append(_WEIGHTS[0])
        if missing:
            raise ModelError(f"{folder}: {', '.join(missing)} missing; it is a folder as published")
        try:
            config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
            self._extract: Any = transformers.AutoFeatureExtractor.from_pretrained(
                folder, local_files_only=True
            )
            network, found = transformers.AutoModelForAudioClassification.from_pretrained(
                folder, local_files_only=True, output_loading_info=True
            )
        except Exception as error:  # the library raises whatever a wrong file leads to
            reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            raise ModelError(f"{folder}: not an audio classifier of Transformers: {reason}") from error
        if absent := sorted(found["missing_keys"]):
            raise ModelError(
                f"{folder}: its weights lack {absent[0]} and {len(absent) - 1} more of a {config.model_type} "
                "classifier; it holds another kind of network"
            )
        self.runtime, self._batch = runtime, batch
        self._network = runtime.place(network.float())
        self.labels = tuple(str(config.id2label[index]) for index in range(config.num_labels))
        self.sample_rate = int(self._extract.sampling_rate)
        problem = config.problem_type or ""
        self.many_labels = problem == "multi_label_classification" or (
            not problem and config.model_type in _MANY_LABELS
        )

    def probabilities(self, pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """Probability of each of `labels`; they add up to 1 unless `many_labels`.

        Args:
            pieces: (n,) float32 mono each, at `sample_rate`.

        Returns:
            (len(pieces), len(labels)) float32.
        """
        out = np.zeros((len(pieces), len(self.labels)), np.float32)
        for indices in of_one_length(pieces):
            several = [pieces[index] for index in indices]
            inputs = self._extract(several, sampling_rate=self.sample_rate, return_tensors="np")
            rows = list(np.asarray(inputs["input_values"], np.float32))
            out[indices] = self.runtime.map(self._run, rows, batch=self._batch)
        return out

    def _run(self, inputs: torch.Tensor) -> list[NDArray[np.float32]]:
        logits = self._network(inputs).logits.float()
        shares = logits.sigmoid() if self.many_labels else logits.softmax(dim=-1)
        return list(np.asarray(shares.cpu().numpy(), np.float32))
