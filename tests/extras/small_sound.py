"""Small checkpoints of the true format and architecture: random weights, saved as a publisher saves them."""

from __future__ import annotations

import csv
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
#: a narrow wav2vec 2.0
_WAV2VEC: dict[str, Any] = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
    "conv_dim": (32,) * 7,
    "num_conv_pos_embeddings": 16,
    "num_conv_pos_embedding_groups": 4,
}


def sound(seconds: float, rate: int = 16000, seed: int = 0) -> FloatArray:
    """A voice-like glide over noise."""
    draw = np.random.default_rng(seed)
    time = np.arange(int(seconds * rate)) / rate
    tone = np.sin(2 * np.pi * (140 + 60 * np.sin(2 * np.pi * (0.7 + seed / 9) * time)) * time)
    out = 0.3 * tone * (np.sin(2 * np.pi * 3 * time) > -0.4) + 0.01 * draw.standard_normal(time.size)
    return np.asarray(out, np.float32)


def whisper_pt(
    path: Path, *, mels: int = 80, vocabulary: int = 51865, layers: int = 2, heads: int = 2
) -> Path:
    """A checkpoint of openai-whisper: `dims` and `model_state_dict`; it says at most 20 tokens."""
    import torch
    from whisper.model import ModelDimensions, Whisper

    torch.manual_seed(0)
    dims = ModelDimensions(mels, 1500, 16 * heads, heads, 2, vocabulary, 40, 16 * heads, heads, layers)
    network = Whisper(dims)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.3)
    torch.save({"dims": dims.__dict__, "model_state_dict": network.state_dict()}, path)
    return path


def audio_classifier(folder: Path, labels: list[str], *, kind: str) -> Path:
    """A folder as Transformers saves it: `ast` or `wav2vec2`."""
    import torch
    import transformers

    torch.manual_seed(0)
    names: dict[str, Any] = {
        "id2label": dict(enumerate(labels)),
        "label2id": {n: i for i, n in enumerate(labels)},
    }
    if kind == "ast":
        shape = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
        config = transformers.ASTConfig(**shape, max_length=256, num_mel_bins=64, **names)
        network: Any = transformers.ASTForAudioClassification(config)
        extractor: Any = transformers.ASTFeatureExtractor(max_length=256, num_mel_bins=64)
    else:
        config = transformers.Wav2Vec2Config(
            **_WAV2VEC,
            classifier_proj_size=16,
            **names,
        )
        network = transformers.Wav2Vec2ForSequenceClassification(config)
        extractor = transformers.Wav2Vec2FeatureExtractor()
    network.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return folder


def voice_age(folder: Path) -> Path:
    """A folder as published: a narrow wav2vec 2.0 with the heads `age` and `gender`."""
    import torch
    import transformers

    from models.torch.voice_age import network_class

    torch.manual_seed(0)
    config = transformers.Wav2Vec2Config(**_WAV2VEC)
    network_class()(config).save_pretrained(folder)
    transformers.Wav2Vec2FeatureExtractor().save_pretrained(folder)
    return folder


def clap(folder: Path, *, fused: bool) -> Path:
    """A folder as Transformers saves a CLAP: its own front end and tokenizer, narrow towers."""
    import tokenizers
    import torch
    import transformers

    torch.manual_seed(0)
    alphabet = sorted(tokenizers.pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {
        word: number for number, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *alphabet, "<mask>"])
    }
    text = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.ClapConfig(
        text_config={**text, "vocab_size": len(vocabulary), "max_position_embeddings": 66},
        audio_config={
            "patch_embeds_hidden_size": 16,
            "hidden_size": 64,
            "depths": [1, 1, 1],
            "num_attention_heads": [2, 2, 2],
            "enable_fusion": fused,
            "fusion_type": "aff_2d" if fused else None,
        },
        projection_dim=32,
    )
    network = transformers.ClapModel(config).eval()
    for parameter in network.parameters():
        if parameter.dim() > 1:  # wide enough that sounds and texts differ
            torch.nn.init.normal_(parameter, std=0.2)
    network.save_pretrained(folder)
    transformers.ClapFeatureExtractor(truncation="fusion" if fused else "rand_trunc").save_pretrained(folder)
    transformers.RobertaTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    return folder


def htdemucs(
    path: Path, *, sources: tuple[str, ...] = ("drums", "bass", "other", "vocals"), seed: int = 0
) -> Path:
    """A `.th` file as Demucs publishes it: class, arguments and half-precision weights."""
    import torch
    from demucs.htdemucs import HTDemucs

    torch.manual_seed(seed)
    options = {
        "sources": list(sources),
        "audio_channels": 2,
        "samplerate": 44100,
        "segment": Fraction(39, 20),
        "channels": 8,
        "dconv_comp": 2,
        "bottom_channels": 32,
        "t_layers": 1,
        "t_heads": 2,
    }
    network = HTDemucs(**options)
    state = {key: value.half() for key, value in network.state_dict().items()}
    torch.save(
        {
            "klass": HTDemucs,
            "args": (),
            "kwargs": options,
            "state": state,
            "training_args": {"dset": {"mus": True}},
        },
        path,
    )
    return path


def panns(folder: Path, labels: list[str], *, blocks: int = 6, size: int = 1024) -> Path:
    """A checkpoint of PANNs with narrow blocks, its window and mel filters in it, and the list of labels."""
    import librosa
    import torch

    torch.manual_seed(0)
    bins, bands, rate = size // 2 + 1, 64, size * 125 // 4
    angle = 2 * np.pi * np.outer(np.arange(bins), np.arange(size)) / size
    window = np.hanning(size + 1)[:-1]
    mel = librosa.filters.mel(sr=rate, n_fft=size, n_mels=bands, fmin=50, fmax=rate * 7 // 16).T
    state: dict[str, Any] = {
        "spectrogram_extractor.stft.conv_real.weight": torch.tensor(np.cos(angle) * window)[:, None].float(),
        "spectrogram_extractor.stft.conv_imag.weight": torch.tensor(-np.sin(angle) * window)[:, None].float(),
        "logmel_extractor.melW": torch.tensor(mel).float(),
    }
    _norm(state, "bn0", bands)
    width = 1
    for number in range(1, blocks + 1):
        outputs = 4 * 2 ** min(number, 3)
        for name, inputs in (("1", width), ("2", outputs)):
            state[f"conv_block{number}.conv{name}.weight"] = torch.randn(outputs, inputs, 3, 3) / (
                3 * inputs**0.5
            )
            _norm(state, f"conv_block{number}.bn{name}", outputs)
        width = outputs
    for name, inputs, outputs in (("fc1", width, 24), ("fc_audioset", 24, len(labels))):
        state[f"{name}.weight"] = torch.randn(outputs, inputs) * 3 / inputs**0.5
        state[f"{name}.bias"] = torch.zeros(outputs)
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"iteration": 1, "model": state}, folder / "Cnn14_mAP=0.431.pth")
    with (folder / "class_labels_indices.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(
            [["index", "mid", "display_name"], *([i, f"/m/{i}", n] for i, n in enumerate(labels))]
        )
    return folder


def _norm(state: dict[str, Any], name: str, size: int) -> None:
    import torch

    state |= {
        f"{name}.weight": torch.rand(size) + 0.5,
        f"{name}.bias": torch.randn(size) * 0.1,
        f"{name}.running_mean": torch.randn(size) * 0.1 - (20.0 if name == "bn0" else 0.0),
        f"{name}.running_var": torch.rand(size) + (100.0 if name == "bn0" else 0.5),
        f"{name}.num_batches_tracked": torch.tensor(1),
    }
