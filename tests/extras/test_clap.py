"""CLAP: the vectors and probabilities of transformers for the same folder, and as stage `sound`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="needs mmu-video[torch]")
transformers = pytest.importorskip("transformers", reason="needs mmu-video[torch]")

import kg  # noqa: E402
from mmu.errors import ConfigError, ModelError  # noqa: E402
from mmu.media.clip import Clip  # noqa: E402
from mmu.perception.catalog import build_stages  # noqa: E402
from mmu.reasoning.observe import observe  # noqa: E402
from mmu.reasoning.settings import load_settings  # noqa: E402
from mmu.signals import SignalSet  # noqa: E402
from mmu.stage import Stage  # noqa: E402
from models.store import Store  # noqa: E402
from models.torch.clap import Clap, ZeroShot  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small_sound import clap, sound  # noqa: E402

TEXTS = ["This is a sound of Dog.", "This is a sound of a long siren far away.", "Rain"]
RATE = 48000


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    place = tmp_path_factory.mktemp("clap")
    return {name: clap(place / name, fused=name == "fused") for name in ("fused", "unfused")}


def load(folder: Path, precision: str = "fp32", batch: int = 2) -> Clap:
    return Clap(folder, Runtime(RuntimeOptions(device="cpu", precision=precision)), batch=batch)


@pytest.mark.parametrize("kind", ["fused", "unfused"])
def test_probabilities_are_those_of_the_library(folders: dict[str, Path], kind: str) -> None:
    pieces = [sound(10.0, RATE, seed=1), sound(1.3, RATE, seed=2), sound(6.0, RATE, seed=3)]
    ours = load(folders[kind])
    sounds, texts = ours.sounds(pieces), ours.texts(TEXTS)
    assert sounds.shape == (3, 32)
    assert texts.shape == (3, 32)
    np.testing.assert_allclose(np.linalg.norm(sounds, axis=1), 1, atol=1e-5)
    assert np.abs(sounds[0] - sounds[2]).max() > 1e-3
    assert np.abs(texts[0] - texts[2]).max() > 1e-3

    network = transformers.ClapModel.from_pretrained(folders[kind]).eval()
    processor = transformers.ClapProcessor.from_pretrained(folders[kind])
    inputs = processor(text=TEXTS, audio=pieces, sampling_rate=RATE, return_tensors="pt", padding=True)
    inputs["is_longer"] = torch.zeros((3, 1), dtype=torch.bool)  # the processor calls one so, at random
    with torch.inference_mode():
        expected = network(**inputs)
    np.testing.assert_allclose(sounds, expected.audio_embeds.numpy(), atol=1e-5)
    np.testing.assert_allclose(texts, expected.text_embeds.numpy(), atol=1e-5)
    tagger = ZeroShot(ours, ["Dog", "Siren", "Rain"], texts)
    found = tagger.probabilities(pieces)
    np.testing.assert_allclose(found, expected.logits_per_audio.softmax(dim=-1).numpy(), atol=1e-4)
    assert tagger.labels == ("Dog", "Siren", "Rain")
    assert tagger.sample_rate == RATE


def test_it_is_the_pipeline_of_the_library(folders: dict[str, Path]) -> None:
    piece = sound(5.0, RATE, seed=4)
    pipeline = transformers.pipeline(
        "zero-shot-audio-classification", model=str(folders["unfused"]), device="cpu"
    )
    names = ["Dog", "Siren"]
    expected = pipeline(piece, candidate_labels=names, hypothesis_template="This is a sound of {}.")
    scores = {one["label"]: one["score"] for one in expected}
    ours = load(folders["unfused"])
    vectors = ours.texts([f"This is a sound of {name}." for name in names])
    found = ZeroShot(ours, names, vectors).probabilities([piece])
    np.testing.assert_allclose(found[0], [scores[name] for name in names], atol=1e-4)


def test_what_is_longer_than_it_hears_is_cut_and_never_at_random(folders: dict[str, Path]) -> None:
    ours = load(folders["fused"])
    assert ours.seconds == 10
    long = sound(10.5, RATE, seed=5)
    np.testing.assert_array_equal(ours.sounds([long]), ours.sounds([long[: 10 * RATE]]))


def test_half_precision_is_near(folders: dict[str, Path]) -> None:
    pieces = [sound(4.0, RATE)]
    whole, half = (load(folders["fused"], precision).sounds(pieces) for precision in ("fp32", "bf16"))
    assert float((whole * half).sum()) > 0.99


def test_errors_say_what_is_wrong(folders: dict[str, Path], tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"config\.json, preprocessor_config\.json missing"):
        load(tmp_path)
    other = shutil.copytree(folders["fused"], tmp_path / "other")
    (other / "config.json").write_text(json.dumps({"model_type": "clip"}))
    with pytest.raises(ModelError, match="a network of clip, not of clap"):
        load(other)
    broken = shutil.copytree(folders["fused"], tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"no weights at all")
    with pytest.raises(ModelError, match="cannot be loaded as clap"):
        load(broken)
    mixed = shutil.copytree(folders["unfused"], tmp_path / "mixed")
    (mixed / "config.json").write_bytes((folders["fused"] / "config.json").read_bytes())
    with pytest.raises(ModelError, match="does not hold all weights"):
        load(mixed)


@pytest.fixture(autouse=True)
def texts_kept_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the user's store alone."""
    monkeypatch.setattr("mmu.perception.adapted.kept.supplied_folder", lambda store: tmp_path / "supplied")


@pytest.fixture(scope="module")
def clip() -> Iterator[Clip]:
    silence = np.zeros(16000 * 12, np.float32)
    with Clip.from_arrays(audio=(np.concatenate([sound(9), silence, sound(4, seed=3)]), 16000)) as made:
        yield made


def stage(tmp_path: Path, weights: Path, **choice: Any) -> Stage:
    """Stage `sound` with CLAP, checked and set up."""
    entry = {"adapter": "clap", "model": "small", "weights": str(weights), **choice}
    built = next(
        one
        for one in build_stages(config={"device": "cpu", "stages": {"sound": entry}}, only=["sound"])
        if one.name == "sound"
    )
    store = Store()
    if missing := [model for model in built.models if not store.has(model)]:
        pytest.skip(f"weights missing: {', '.join(missing)}")
    built.check(store)
    built.setup(store)
    return built


@pytest.mark.weights
def test_as_a_stage_its_labels_are_what_the_user_names(
    tmp_path: Path, folders: dict[str, Path], clip: Clip
) -> None:
    labels = tmp_path / "labels.txt"
    labels.write_text("Dog\nSiren\nthunder\n")
    built = stage(tmp_path, folders["fused"], labels=str(labels), threshold=0.3)
    found = built.run(clip, SignalSet())
    assert {one.kind for one in found} <= built.emits
    tagged = [one for one in found if one.source.startswith("clap:small@")]
    assert tagged
    assert {one.value for one in tagged} <= {"Dog", "Siren", "thunder"}
    for one in tagged:
        assert one.span is not None
        assert one.score is not None
        assert 0.3 <= one.score <= 1
        assert kg.load().label("audioset", str(one.value)), one.value
    seen = observe(tagged, kg.load(), load_settings(), clip.duration)
    assert {one.group for one in seen} == {"audioset@clap"}
    assert len(list((tmp_path / "supplied" / "texts").glob("*.npy"))) == 1
    before = built.describe()["labels"]
    labels.write_text("Dog\nSiren\nrain\n")
    assert built.describe()["labels"] != before
    built.close()
    with pytest.raises(ConfigError, match="not set up"):
        built.run(clip, SignalSet())


@pytest.mark.weights
def test_a_wrong_choice_is_said(tmp_path: Path, folders: dict[str, Path]) -> None:
    with pytest.raises(ConfigError, match=r"stages\.sound\.window: .*less than or equal to 10"):
        stage(tmp_path, folders["fused"], window=12)
    with pytest.raises(ConfigError, match=r"stages\.sound\.sentence: .*must hold {} once"):
        stage(tmp_path, folders["fused"], sentence="a sound")
    with pytest.raises(ModelError, match="cannot read the labels"):
        stage(tmp_path, folders["fused"], labels=str(tmp_path / "none.txt"))
    with pytest.raises(ConfigError, match="no label map 'birds'; maps: "):
        stage(tmp_path, folders["fused"], vocabulary="birds")
    short = shutil.copytree(folders["unfused"], tmp_path / "short")
    settings = json.loads((short / "preprocessor_config.json").read_text())
    settings |= {"max_length_s": 5, "nb_max_samples": 5 * RATE}
    (short / "preprocessor_config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match="hears 5 seconds at once: make `window:`"):
        stage(tmp_path, short, labels=str(_labels(tmp_path)))


def _labels(folder: Path) -> Path:
    place = folder / "few.txt"
    place.write_text("Dog\nSiren\n")
    return place


def test_weights_that_are_not_there_are_named_with_what_to_do(tmp_path: Path) -> None:
    config = {"device": "cpu", "stages": {"sound": {"adapter": "clap", "model": "htsat-fused"}}}
    built = next(one for one in build_stages(config=config, only=["sound"]) if one.name == "sound")
    with pytest.raises(ModelError, match=r"clap-htsat-fused are not there: run `mmu models pull"):
        built.check(Store(tmp_path))


@pytest.mark.weights
def test_by_default_it_listens_for_the_sounds_that_the_graph_knows(
    folders: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmu.perception.adapted.sound import ClapOptions, ClapSound

    built = ClapSound("clap", ClapOptions(model="small", weights=folders["fused"], device="cpu"))
    assert built._labels() == tuple(kg.load().labels["audioset"])
    assert "Dog" in built._labels()
