"""Audio classifiers of Transformers: the probabilities of the library's own pipeline for the same folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs mmu-video[torch]")
transformers = pytest.importorskip("transformers", reason="needs mmu-video[torch]")

from models.errors import ModelError  # noqa: E402
from models.torch.audio_classifier import AudioClassifier  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small_sound import audio_classifier, sound  # noqa: E402

EVENTS = ["Speech", "Dog", "Meow", "Siren", "Applause"]
FEELINGS = ["neu", "hap", "ang", "sad"]


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("classifiers")
    return {
        "ast": audio_classifier(place / "ast", EVENTS, kind="ast"),
        "wav2vec2": audio_classifier(place / "wav2vec2", FEELINGS, kind="wav2vec2"),
    }


def load(folder: Path, precision: str = "fp32", batch: int = 2) -> AudioClassifier:
    return AudioClassifier(folder, Runtime(RuntimeOptions(device="cpu", precision=precision)), batch=batch)


@pytest.mark.parametrize("kind", ["ast", "wav2vec2"])
def test_probabilities_are_those_of_the_library(folders: dict[str, Path], kind: str) -> None:
    pieces = [sound(2.0, seed=1), sound(1.3, seed=2), sound(2.0, seed=3), sound(2.0, seed=4)]
    ours = load(folders[kind])
    found = ours.probabilities(pieces)
    assert found.shape == (4, len(ours.labels))
    function = "sigmoid" if kind == "ast" else "softmax"
    pipeline = transformers.pipeline("audio-classification", model=str(folders[kind]), device="cpu")
    for row, piece in zip(found, pieces, strict=True):
        expected = pipeline(piece, top_k=None, function_to_apply=function)
        scores = {one["label"]: one["score"] for one in expected}
        np.testing.assert_allclose(row, [scores[label] for label in ours.labels], atol=1e-5)
    assert ours.many_labels == (kind == "ast")
    if kind == "wav2vec2":
        np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-5)


def test_half_precision_is_near(folders: dict[str, Path]) -> None:
    piece = [sound(2.0)]
    whole = load(folders["ast"]).probabilities(piece)
    half = load(folders["ast"], precision="bf16").probabilities(piece)
    np.testing.assert_allclose(half, whole, atol=0.02)


def test_errors_say_what_is_wrong(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(
        ModelError, match=r"config\.json, preprocessor_config\.json, model\.safetensors missing"
    ):
        load(tmp_path)
    encoder = tmp_path / "encoder"
    network = transformers.Wav2Vec2Model.from_pretrained(folders["wav2vec2"])
    network.save_pretrained(encoder)
    (encoder / "preprocessor_config.json").write_bytes(
        (folders["wav2vec2"] / "preprocessor_config.json").read_bytes()
    )
    with pytest.raises(ModelError, match="another kind of network"):
        load(encoder)
    text = tmp_path / "text"
    text.mkdir()
    for path in folders["ast"].iterdir():
        (text / path.name).write_bytes(path.read_bytes())
    (text / "config.json").write_text(json.dumps({"model_type": "bert"}))
    with pytest.raises(ModelError, match="not an audio classifier"):
        load(text)
    (text / "config.json").write_bytes((folders["ast"] / "config.json").read_bytes())
    (text / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(ModelError, match="not an audio classifier"):
        load(text)
