"""Pictures and texts in one space: CLIP, SigLIP, Chinese-CLIP.

A. Radford et al., "Learning Transferable Visual Models From Natural Language Supervision", 2021;
X. Zhai et al., "Sigmoid Loss for Language Image Pre-Training", 2023; A. Yang et al., "Chinese CLIP",
2022. Two libraries load them: open_clip (a file of a network that it knows, or a folder with
`open_clip_config.json`) and transformers (a folder with `config.json`). Neither may use the network.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.torch.pretrained import features_of, import_transformers, reason_of, stay_offline, unit_rows
from models.torch.runtime import Runtime

if TYPE_CHECKING:
    import torch

Vectors = NDArray[np.float32]


class ImageText:
    """A network with a tower for pictures and one for texts.

    Made by `open_clip_network` or `transformers_network`.
    """

    def __init__(
        self,
        network: Any,
        *,
        runtime: Runtime,
        batch: int,
        prepare: Callable[[NDArray[np.uint8]], NDArray[np.float32]],
        tokenize: Callable[[list[str]], list[NDArray[np.int64]]],
        encode_image: Callable[[torch.Tensor], torch.Tensor],
        encode_text: Callable[[torch.Tensor], torch.Tensor],
    ) -> None:
        self.runtime = runtime
        self.batch = batch
        self._prepare, self._tokenize = prepare, tokenize
        self._encode_image, self._encode_text = encode_image, encode_text
        scale, bias = getattr(network, "logit_scale", None), getattr(network, "logit_bias", None)
        #: what cosines are multiplied by, and what is added to them; a bias means independent labels (SigLIP)
        self.scale = float(scale.exp()) if scale is not None else 100.0
        self.bias = float(bias) if bias is not None else None

    def images(self, images: Sequence[NDArray[np.uint8]]) -> Vectors:
        """(n, d) float32, L2-normalised, of pictures (h, w, 3) uint8 BGR."""
        rows = [self._prepare(image) for image in images]
        return self._vectors(self._forward_images, rows)

    def texts(self, texts: Sequence[str]) -> Vectors:
        """(n, d) float32, L2-normalised, of texts."""
        return self._vectors(self._forward_texts, self._tokenize(list(texts)))

    def probabilities(self, images: Vectors, texts: Vectors) -> Vectors:
        """(images, texts) float32: of each text for each picture; of CLIP they sum to 1."""
        logits = self.scale * (images @ texts.T) + (self.bias or 0.0)
        if self.bias is not None:
            return np.asarray(1 / (1 + np.exp(-np.clip(logits, -60, 60))), np.float32)
        powers = np.exp(logits - logits.max(axis=1, keepdims=True))
        return np.asarray(powers / powers.sum(axis=1, keepdims=True), np.float32)

    def _vectors(
        self, forward: Callable[[torch.Tensor], list[Vectors]], rows: Sequence[NDArray[Any]]
    ) -> Vectors:
        found = self.runtime.map(forward, rows, batch=self.batch)
        return np.stack(found).astype(np.float32) if found else np.zeros((0, 0), np.float32)

    def _forward_images(self, rows: torch.Tensor) -> list[Vectors]:
        return unit_rows(self._encode_image(rows))

    def _forward_texts(self, rows: torch.Tensor) -> list[Vectors]:
        return unit_rows(self._encode_text(rows))


def open_clip_network(
    path: Path, model: str, *, runtime: Runtime | None = None, batch: int = 32
) -> ImageText:
    """A network of open_clip.

    Args:
        path: checkpoint of a network that open_clip knows by name, or a folder with
            `open_clip_config.json`, the checkpoint and, where the network needs them, tokenizer files.
        model: its name in open_clip, as `ViT-B-32`; of a folder, any name.
        runtime: device and precision.
        batch: rows run at a time.

    Raises:
        ModelError: open_clip is missing, does not know the network, or the file is another's.
    """
    runtime = runtime or Runtime()
    stay_offline()
    try:
        import open_clip
    except (ImportError, OSError) as error:
        raise ModelError(f"open_clip cannot be loaded ({error}): pip install 'mmu-video[torch]'") from error
    name = f"local-dir:{path}" if path.is_dir() else model
    if not path.is_dir() and model not in open_clip.list_models():
        raise ModelError(
            f"open_clip {open_clip.__version__} has no network {model!r}; name one of its own "
            "(open_clip.list_models()) or a folder with open_clip_config.json as `weights:`"
        )
    try:
        network, transform = open_clip.create_model_from_pretrained(
            name, pretrained=None if path.is_dir() else str(path), device="cpu"
        )
        tokenizer = open_clip.get_tokenizer(name)
        tokenizer(["a"])
    except Exception as error:  # open_clip, torch, safetensors and tokenizers each have their own
        raise ModelError(reason_of(path, model, error)) from error
    network = runtime.place(network)

    def prepare(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        from PIL import Image

        return np.asarray(
            transform(Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))).numpy(), np.float32
        )

    def tokenize(texts: list[str]) -> list[NDArray[np.int64]]:
        return list(tokenizer(texts).numpy())

    return ImageText(
        network,
        runtime=runtime,
        batch=batch,
        prepare=prepare,
        tokenize=tokenize,
        encode_image=network.encode_image,
        encode_text=network.encode_text,
    )


def transformers_network(
    path: Path, model: str, *, runtime: Runtime | None = None, batch: int = 32
) -> ImageText:
    """A network of transformers: CLIP, Chinese-CLIP, SigLIP or another with features of pictures and texts.

    Args:
        path: folder with `config.json`, the weights, the image processor's and the tokenizer's files.
        model: what it is called in messages.
        runtime: device and precision.
        batch: rows run at a time.

    Raises:
        ModelError: transformers is missing, or the folder holds no such network.
    """
    runtime = runtime or Runtime()
    transformers = import_transformers()
    if not (path / "config.json").is_file():
        raise ModelError(f"{path} holds no config.json: expected the folder of a network of transformers")
    try:
        network, report = transformers.AutoModel.from_pretrained(
            path, local_files_only=True, output_loading_info=True, dtype="float32"
        )
        processor = transformers.AutoImageProcessor.from_pretrained(path, local_files_only=True)
        tokenizer = transformers.AutoTokenizer.from_pretrained(path, local_files_only=True)
    except Exception as error:
        raise ModelError(reason_of(path, model, error)) from error
    if report["missing_keys"] or report.get("mismatched_keys"):
        first = sorted(map(str, [*report["missing_keys"], *report.get("mismatched_keys", [])]))[0]
        raise ModelError(f"{path} does not hold all weights of its config.json (as {first})")
    if not (hasattr(network, "get_image_features") and hasattr(network, "get_text_features")):
        raise ModelError(f"{path}: a {type(network).__name__} has no features of pictures and texts")
    network = runtime.place(network)
    length = int(network.config.text_config.max_position_embeddings)
    padding = "max_length" if hasattr(network, "logit_bias") else True  # SigLIP was trained on full lengths
    masked = "attention_mask" in tokenizer.model_input_names

    def prepare(image: NDArray[np.uint8]) -> NDArray[np.float32]:
        rgb = np.ascontiguousarray(image[:, :, ::-1])
        return np.asarray(processor(images=rgb, return_tensors="np")["pixel_values"][0], np.float32)

    def tokenize(texts: list[str]) -> list[NDArray[np.int64]]:
        out = tokenizer(texts, padding=padding, truncation=True, max_length=length, return_tensors="np")
        mask = out.get("attention_mask", np.ones_like(out["input_ids"]))
        return list(np.stack([out["input_ids"], mask], axis=1).astype(np.int64))

    def encode_text(rows: torch.Tensor) -> torch.Tensor:
        given = {"input_ids": rows[:, 0]}
        if masked:
            given["attention_mask"] = rows[:, 1]
        return features_of(network.get_text_features(**given))

    return ImageText(
        network,
        runtime=runtime,
        batch=batch,
        prepare=prepare,
        tokenize=tokenize,
        encode_image=lambda pixels: features_of(network.get_image_features(pixel_values=pixels)),
        encode_text=encode_text,
    )
