"""CLIP, SigLIP, Chinese-CLIP: the same vectors as open_clip and transformers give, and as stage `labels`."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
open_clip = pytest.importorskip("open_clip")
transformers = pytest.importorskip("transformers")

import kg  # noqa: E402
from mmu.media.clip import Clip  # noqa: E402
from mmu.perception.adapted.image_text import SEEN  # noqa: E402
from mmu.perception.catalog import build_stages  # noqa: E402
from mmu.reasoning.observe import observe  # noqa: E402
from mmu.reasoning.settings import load_settings  # noqa: E402
from mmu.signals import SignalSet  # noqa: E402
from models.errors import ModelError  # noqa: E402
from models.store import Store  # noqa: E402
from models.torch.image_text import open_clip_network, transformers_network  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small import moving_clip, picture  # noqa: E402

CPU = RuntimeOptions(device="cpu")
TEXTS = ["a photo of a cat.", "一张猫的照片。", "a red bus"]
WORDS = [
    "[UNK]",
    "[CLS]",
    "[SEP]",
    "[PAD]",
    "[MASK]",
    "a",
    "photo",
    "of",
    "cat",
    ".",
    "red",
    "bus",
    *"一张猫的照片。",
]
MODEL_CFG = {
    "embed_dim": 32,
    "vision_cfg": {"image_size": 64, "layers": 2, "width": 64, "head_width": 16, "patch_size": 16},
    "text_cfg": {"context_length": 24, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}


@pytest.fixture(scope="module")
def open_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as open_clip publishes them: configuration and checkpoint."""
    folder = tmp_path_factory.mktemp("clip")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": MODEL_CFG, "preprocess_cfg": {}}))
    torch.manual_seed(3)
    network = open_clip.create_model(f"local-dir:{folder}", load_weights=False)
    torch.save(network.state_dict(), folder / "open_clip_pytorch_model.bin")
    return folder


@pytest.fixture(scope="module")
def chinese_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as transformers publishes Chinese-CLIP: configuration, weights, image processor, vocabulary."""
    folder = tmp_path_factory.mktemp("chinese")
    torch.manual_seed(4)
    text = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    vision = {**text, "image_size": 64, "patch_size": 16}
    config = transformers.ChineseCLIPConfig(
        text_config={**text, "vocab_size": len(WORDS), "max_position_embeddings": 24},
        vision_config=vision,
        projection_dim=16,
    )
    transformers.ChineseCLIPModel(config).eval().save_pretrained(folder)
    size = {"height": 64, "width": 64}
    transformers.ChineseCLIPImageProcessor(size=size, crop_size=size).save_pretrained(folder)
    (folder / "vocab.txt").write_text("\n".join(WORDS), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def sig_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of a SigLIP: a bias beside the scale, texts of full length."""
    from tokenizers import Tokenizer, models, pre_tokenizers

    folder = tmp_path_factory.mktemp("siglip")
    torch.manual_seed(5)
    tower = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 32}
    config = transformers.SiglipConfig(
        text_config={**tower, "vocab_size": len(WORDS), "max_position_embeddings": 12, "projection_size": 32,
                     "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 3},
        vision_config={**tower, "image_size": 64, "patch_size": 16},
    )  # fmt: skip
    network = transformers.SiglipModel(config).eval()
    network.logit_bias.data.fill_(-2.0)
    network.save_pretrained(folder)
    transformers.SiglipImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    words = Tokenizer(models.WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="[UNK]"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=words,
        pad_token="[PAD]",
        unk_token="[UNK]",
        eos_token="[SEP]",
        model_input_names=["input_ids"],
    ).save_pretrained(folder)
    return folder


def pil(image: np.ndarray) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(image[:, :, ::-1]))


def test_vectors_are_those_of_open_clip(open_folder: Path) -> None:
    network, prepare = open_clip.create_model_from_pretrained(f"local-dir:{open_folder}")
    tokens = open_clip.get_tokenizer(f"local-dir:{open_folder}")(TEXTS)
    images = [picture(100, 80, 1), picture(80, 100, 2)]
    with torch.inference_mode():
        expected = network.eval().encode_image(
            torch.stack([prepare(pil(one)) for one in images]), normalize=True
        )
        texts = network.encode_text(tokens, normalize=True)
        odds = (network.logit_scale.exp() * expected @ texts.T).softmax(1).numpy()
    found = open_clip_network(open_folder, "tiny", runtime=Runtime(CPU), batch=2)
    np.testing.assert_allclose(found.images(images), expected, atol=1e-5)
    np.testing.assert_allclose(found.texts(TEXTS), texts, atol=1e-5)
    np.testing.assert_allclose(found.probabilities(found.images(images), found.texts(TEXTS)), odds, atol=1e-4)


def test_a_file_of_a_network_that_open_clip_knows_by_name(open_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny-test.json").write_text(json.dumps(MODEL_CFG))
    open_clip.add_model_config(tmp_path / "tiny-test.json")
    path = open_folder / "open_clip_pytorch_model.bin"
    by_name = open_clip_network(path, "tiny-test", runtime=Runtime(CPU))
    by_folder = open_clip_network(open_folder, "tiny", runtime=Runtime(CPU))
    np.testing.assert_allclose(by_name.texts(TEXTS), by_folder.texts(TEXTS), atol=1e-6)
    with pytest.raises(ModelError, match="cannot be loaded as RN50: .+") as error:
        open_clip_network(path, "RN50", runtime=Runtime(CPU))
    assert "\n" not in str(error.value)
    with pytest.raises(ModelError, match="has no network 'ViT-Z'"):
        open_clip_network(path, "ViT-Z", runtime=Runtime(CPU))


def reference(folder: Path, images: list[np.ndarray], **how: object) -> tuple[np.ndarray, float, float]:
    """Logits by transformers' own code."""
    network = transformers.AutoModel.from_pretrained(folder).eval()
    processor = transformers.AutoImageProcessor.from_pretrained(folder)
    tokens = transformers.AutoTokenizer.from_pretrained(folder)(TEXTS, return_tensors="pt", **how)
    tokens.pop("token_type_ids", None)
    with torch.inference_mode():
        pixels = processor(images=[pil(one) for one in images], return_tensors="pt")["pixel_values"]
        return network(pixel_values=pixels, **tokens).logits_per_image.numpy()


def test_chinese_clip_is_that_of_transformers(chinese_folder: Path) -> None:
    images = [picture(100, 80, 1), picture(80, 100, 2)]
    logits = reference(chinese_folder, images, padding=True)
    found = transformers_network(chinese_folder, "chinese", runtime=Runtime(CPU), batch=2)
    assert found.bias is None
    vectors, texts = found.images(images), found.texts(TEXTS)
    np.testing.assert_allclose(found.scale * vectors @ texts.T, logits, rtol=1e-3, atol=1e-4)
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.probabilities(vectors, texts), expected, atol=1e-4)


def test_siglip_is_that_of_transformers(sig_folder: Path) -> None:
    images = [picture(100, 80, 1), picture(80, 100, 2)]
    logits = reference(sig_folder, images, padding="max_length", max_length=12, truncation=True)
    found = transformers_network(sig_folder, "siglip", runtime=Runtime(CPU), batch=2)
    assert found.bias == pytest.approx(-2.0)
    expected = 1 / (1 + np.exp(-logits))
    np.testing.assert_allclose(
        found.probabilities(found.images(images), found.texts(TEXTS)), expected, rtol=1e-3, atol=1e-5
    )


def test_folders_that_lack_something_give_one_line(
    chinese_folder: Path, open_folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match="holds no config.json"):
        transformers_network(open_folder, "x", runtime=Runtime(CPU))
    for name in ("config.json", "preprocessor_config.json", "vocab.txt"):
        (tmp_path / name).write_bytes((chinese_folder / name).read_bytes())
    with pytest.raises(ModelError, match="cannot be loaded as x") as error:
        transformers_network(tmp_path, "x", runtime=Runtime(CPU))
    assert "\n" not in str(error.value)
    with pytest.raises(ModelError, match="cannot be loaded as x"):
        open_clip_network(tmp_path, "x", runtime=Runtime(CPU))


def stage_of(folder: Path, home: Path, adapter: str, **more: object):
    choice = {"adapter": adapter, "model": "tiny", "weights": str(folder), "min_score": 0, **more}
    stage = build_stages(config={"device": "cpu", "stages": {"labels": choice}}, only=["labels"])[0]
    store = Store(home)
    stage.check(store)
    stage.setup(store)
    return stage


def test_the_stage_names_concepts_of_the_graph(chinese_folder: Path, tmp_path: Path) -> None:
    stage = stage_of(chinese_folder, tmp_path, "transformers.clip", language="zh", max_labels=5)
    graph = kg.load()
    found = stage.run(moving_clip(), SignalSet())
    labels = [one for one in found if one.kind == "image.label"]
    assert labels
    assert all(graph.concepts[one.value].facet in SEEN for one in labels)
    assert {one.attributes["vocabulary"] for one in labels} == {"concept"}
    assert {one.source for one in found} == {stage.source}
    seen = observe(found, graph, load_settings(), 3.0)
    assert {one.concept for one in seen} == {one.value for one in labels}
    kept = list((tmp_path / "models" / "supplied" / "texts").glob("*.npy"))
    assert len(kept) == 1
    assert len(np.load(kept[0])) == len(stage._names)
    stage.close()


def test_texts_of_ones_own_become_concepts_by_their_names(open_folder: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("dog\n猫\na thing that nobody knows\n", encoding="utf-8")
    stage = stage_of(open_folder, tmp_path, "open_clip", labels=str(tmp_path / "mine.txt"))
    found = stage.run(moving_clip(), SignalSet())
    assert {one.value for one in found if one.kind == "image.label"} == {
        "dog",
        "猫",
        "a thing that nobody knows",
    }
    assert {one.concept for one in observe(found, kg.load(), load_settings(), 3.0)} >= {"dog", "cat"}
    stage.close()


def test_a_sentence_finds_videos_by_their_pictures(
    open_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from mmu.cli import main
    from mmu.report.schema import Report

    monkeypatch.setenv("MMU_HOME", str(tmp_path / "home"))
    (tmp_path / "mine.txt").write_text("dog\n", encoding="utf-8")
    choice = {
        "adapter": "open_clip",
        "model": "tiny",
        "weights": str(open_folder),
        "labels": str(tmp_path / "mine.txt"),
    }
    mix = tmp_path / "mix.yaml"
    mix.write_text(json.dumps({"device": "cpu", "stages": {"labels": choice}}), encoding="utf-8")
    stage = stage_of(open_folder, tmp_path / "home", "open_clip", labels=str(tmp_path / "mine.txt"))
    network = open_clip_network(open_folder, "tiny", runtime=Runtime(CPU))
    text, best = network.texts(["a dog"])[0], {}
    for number in range(3):
        clip = Clip.from_arrays(frames=[(t / 2, picture(seed=10 * number + t)) for t in range(3)])
        signals = SignalSet(stage.run(clip, SignalSet()))
        report = Report(id=f"v{number}", uri=f"v{number}.mp4", outcome="ok", profile="cpu", pipeline="x",
                        signals=[one.to_json(embedding=True) for one in signals])  # fmt: skip
        (tmp_path / f"v{number}.json").write_text(report.to_json(), encoding="utf-8")
        best[f"v{number}"] = max(
            float(one.embedding.astype(np.float32) @ text) for one in signals.of("image.embedding")
        )
    stage.close()
    reports = [str(tmp_path / f"v{number}.json") for number in range(3)]
    assert main(["find", "a dog", *reports, "--config", str(mix), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["id"] for one in found] == sorted(best, key=lambda name: -best[name])
    assert [one["score"] for one in found] == pytest.approx(sorted(best.values(), reverse=True), abs=2e-3)
