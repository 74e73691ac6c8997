"""Sounds and texts in one space: CLAP, from a folder as transformers publishes it.

Y. Wu et al., "Large-Scale Contrastive Language-Audio Pretraining with Feature Fusion and
Keyword-to-Caption Augmentation", 2023.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.pretrained import import_transformers, reason_of, unit_rows
from models.torch.runtime import Runtime, import_torch

if TYPE_CHECKING:
    import torch

Vectors = NDArray[np.float32]

#: positions of its text tower (RoBERTa) before the first word
_OFFSET = 2


class Clap:
    """A network with a tower for sounds and one for texts."""

    def __init__(self, folder: Path | str, runtime: Runtime, *, batch: int = 8) -> None:
        """Load a network.

        Args:
            folder: `config.json`, `preprocessor_config.json`, the weights and the tokenizer's files.
            runtime: device and number format.
            batch: pieces or texts run at once.

        Raises:
            ModelError: transformers is missing, or the folder holds no such network.
        """
        transformers = import_transformers()
        folder = Path(folder)
        if missing := [
            name for name in ("config.json", "preprocessor_config.json") if not (folder / name).is_file()
        ]:
            raise ModelError(f"{folder}: {', '.join(missing)} missing; it is a folder as published")
        try:
            config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
            if config.model_type != "clap":
                raise ModelError(f"{folder}: a network of {config.model_type}, not of clap")
            network, report = transformers.ClapModel.from_pretrained(
                folder, local_files_only=True, output_loading_info=True, dtype="float32"
            )
            self._extract: Any = transformers.ClapFeatureExtractor.from_pretrained(
                folder, local_files_only=True
            )
            self._tokenizer: Any = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            self._tokenizer(["a"])
        except ModelError:
            raise
        except Exception as error:  # transformers, torch, safetensors and tokenizers each have their own
            raise ModelError(reason_of(folder, "clap", error)) from error
        if absent := sorted(map(str, [*report["missing_keys"], *report.get("mismatched_keys", [])])):
            raise ModelError(f"{folder} does not hold all weights of its config.json (as {absent[0]})")
        self.runtime, self._batch = runtime, batch
        self._network = runtime.place(network)
        self._longest = int(config.text_config.max_position_embeddings) - _OFFSET
        self.sample_rate = int(self._extract.sampling_rate)
        #: seconds heard at once
        self.seconds = float(self._extract.nb_max_samples) / self.sample_rate
        #: what cosines are multiplied by
        self.scale = float(network.logit_scale_a.exp())

    def sounds(self, pieces: Sequence[NDArray[np.float32]]) -> Vectors:
        """(n, d) float32, L2-normalised, of pieces of sound.

        Args:
            pieces: (n,) float32 mono each, at `sample_rate`, not empty; of longer ones than `seconds` the
                beginning is heard (the library would take a part at random).
        """
        return self._map(self._hear, [self._spectrogram(piece) for piece in pieces])

    def texts(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, L2-normalised, of texts."""
        out = self._tokenizer(
            list(texts), padding=True, truncation=True, max_length=self._longest, return_tensors="np"
        )
        return self._map(self._read, list(np.stack([out["input_ids"], out["attention_mask"]], axis=1)))

    def probabilities(self, sounds: Vectors, texts: Vectors) -> Vectors:
        """(sounds, texts) float32: of each text for each sound; they add up to 1."""
        logits = self.scale * (sounds @ texts.T)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)

    def _spectrogram(self, piece: NDArray[np.float32]) -> Vectors:
        heard = piece[: self._extract.nb_max_samples]
        found = self._extract(heard, sampling_rate=self.sample_rate, return_tensors="np")
        return np.asarray(found["input_features"][0], np.float32)

    def _hear(self, inputs: torch.Tensor) -> list[Vectors]:
        lib = import_torch()
        # No piece is longer than what is heard at once. The library calls one of a batch longer, at random.
        longer = lib.zeros((len(inputs), 1), dtype=lib.bool, device=inputs.device)
        return unit_rows(self._network.get_audio_features(input_features=inputs, is_longer=longer))

    def _read(self, rows: torch.Tensor) -> list[Vectors]:
        return unit_rows(self._network.get_text_features(input_ids=rows[:, 0], attention_mask=rows[:, 1]))

    def _map(self, forward: Callable[[torch.Tensor], list[Vectors]], rows: list[NDArray[Any]]) -> Vectors:
        found = self.runtime.map(forward, rows, batch=self._batch)
        return np.stack(found).astype(np.float32) if found else np.zeros((0, 0), np.float32)


class ZeroShot:
    """A tagger of sound whose labels are texts (`mmu.perception.sound_tags.SoundTagger`)."""

    def __init__(self, network: Clap, labels: Sequence[str], vectors: Vectors) -> None:
        """Take a network, names of labels, and (labels, d) vectors of the texts that stand for them."""
        self.labels, self.sample_rate = tuple(labels), network.sample_rate
        self._network, self._vectors = network, vectors

    def probabilities(self, pieces: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
        """(len(pieces), len(labels)) float32; the labels of a piece add up to 1."""
        return self._network.probabilities(self._network.sounds(pieces), self._vectors)
