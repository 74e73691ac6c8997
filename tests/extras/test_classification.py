"""torchvision's classifiers: prepared and read as torchvision does it, and as stage `labels`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from torchvision.transforms.functional import pil_to_tensor  # noqa: E402

from mmu.perception.catalog import build_stages  # noqa: E402
from mmu.signals import SignalSet  # noqa: E402
from models.errors import ModelError  # noqa: E402
from models.store import Store  # noqa: E402
from models.torch.classification import Classifier  # noqa: E402
from models.torch.labels import shipped_labels  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small import checkpoint, moving_clip, picture  # noqa: E402

CPU = RuntimeOptions(device="cpu")


def reference(path: Path, model: str, image: np.ndarray, **options: object) -> np.ndarray:
    """Probabilities by torchvision's own code."""
    network = torchvision.models.get_model(model, weights=None, **options)
    network.load_state_dict(torch.load(path, weights_only=True))
    prepare = torchvision.models.get_model_weights(model).DEFAULT.transforms()
    with torch.inference_mode():
        pixels = prepare(pil_to_tensor(Image.fromarray(image[:, :, ::-1])))
        return network.eval()(pixels[None]).softmax(1)[0].numpy()


@pytest.mark.parametrize(
    ("model", "width"),
    [
        ("mobilenet_v3_small", 1024),
        ("resnet50", 2048),
        ("convnext_tiny", 768),
        ("swin_t", 768),
        ("vit_b_32", 768),
    ],
)
def test_probabilities_are_those_of_torchvision(tmp_path: Path, model: str, width: int) -> None:
    path, image = checkpoint(tmp_path, model), picture(400, 300)
    look = Classifier(path, model, runtime=Runtime(CPU)).look([image])[0]
    expected = reference(path, model, image)
    np.testing.assert_allclose(look.probabilities, expected, rtol=2e-4, atol=1e-8)
    assert look.probabilities.argmax() == expected.argmax()
    assert look.embedding.shape == (width,)
    assert np.linalg.norm(look.embedding) == pytest.approx(1, abs=1e-4)


def test_pictures_of_several_sizes_and_batches_agree(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "mobilenet_v3_small")
    images = [picture(300, 200, 1), picture(200, 300, 2), picture(64, 64, 3)]
    one = Classifier(path, "mobilenet_v3_small", runtime=Runtime(CPU), batch=1).look(images)
    all_at_once = Classifier(path, "mobilenet_v3_small", runtime=Runtime(CPU), batch=8).look(images)
    for a, b in zip(one, all_at_once, strict=True):
        np.testing.assert_allclose(a.probabilities, b.probabilities, rtol=1e-4)


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_half_precision_is_near(tmp_path: Path, precision: str) -> None:
    path = checkpoint(tmp_path, "mobilenet_v3_small")
    full = Classifier(path, "mobilenet_v3_small", runtime=Runtime(CPU)).look([picture()])[0]
    half = Runtime(RuntimeOptions(device="cpu", precision=precision))
    look = Classifier(path, "mobilenet_v3_small", runtime=half).look([picture()])[0]
    assert look.probabilities.dtype == np.float32
    assert float(full.embedding @ look.embedding) > 0.999


def test_a_network_of_ones_own_classes(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "mobilenet_v3_small", num_classes=3)
    look = Classifier(path, "mobilenet_v3_small", classes=3, runtime=Runtime(CPU)).look([picture()])[0]
    assert look.probabilities.shape == (3,)


def test_wrappers_of_training_scripts_are_taken_off(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "mobilenet_v3_small")
    plain = Classifier(path, "mobilenet_v3_small", runtime=Runtime(CPU)).look([picture()])[0]
    state = {f"module.{name}": value for name, value in torch.load(path).items()}
    torch.save({"epoch": 3, "state_dict": state}, path)
    again = Classifier(path, "mobilenet_v3_small", runtime=Runtime(CPU)).look([picture()])[0]
    np.testing.assert_array_equal(plain.probabilities, again.probabilities)


def test_wrong_files_give_one_line(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "mobilenet_v3_small")
    for model, classes, message in (
        (
            "resnet50",
            1000,
            "holds no resnet50 of 1000 classes: .* tensors are missing .*; is `model:` the right",
        ),
        ("mobilenet_v3_small", 5, "holds no mobilenet_v3_small of 5 classes: size mismatch for classifier.3"),
    ):
        with pytest.raises(ModelError, match=message) as error:
            Classifier(path, model, classes=classes, runtime=Runtime(CPU))
        assert "\n" not in str(error.value)
    text = tmp_path / "text.pth"
    text.write_text("<html>not found</html>")
    with pytest.raises(ModelError, match="is no checkpoint that torch reads") as error:
        Classifier(text, "mobilenet_v3_small", runtime=Runtime(CPU))
    assert "\n" not in str(error.value)
    torch.save({"epoch": 3}, text)
    with pytest.raises(ModelError, match="holds no weights by name"):
        Classifier(text, "mobilenet_v3_small", runtime=Runtime(CPU))
    with pytest.raises(ModelError, match="has no variant 'V9'; choices: IMAGENET1K_V1"):
        Classifier(path, "mobilenet_v3_small", variant="V9", runtime=Runtime(CPU))


def test_a_file_that_would_run_code_is_refused(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "run",))

    torch.save({"state_dict": Evil()}, tmp_path / "evil.pth")
    with pytest.raises(ModelError, match="is no checkpoint that torch reads"):
        Classifier(tmp_path / "evil.pth", "mobilenet_v3_small", runtime=Runtime(CPU))
    assert not (tmp_path / "run").exists()


def test_the_classes_are_torchvisions(tmp_path: Path) -> None:
    theirs = torchvision.models.MobileNet_V3_Small_Weights.DEFAULT.meta["categories"]
    ours = shipped_labels("imagenet1k")
    differ = {(a, b) for a, b in zip(ours, theirs, strict=True) if a.lower() != b.lower()}
    assert differ == {("crane", "crane bird"), ("maillot", "maillot tank suit")}


def test_the_stage_emits_labels_and_embeddings(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "mobilenet_v3_small")
    choice = {"adapter": "torchvision.classification", "model": "mobilenet_v3_small", "weights": str(path)}
    stage = build_stages(
        config={"device": "cpu", "stages": {"labels": {**choice, "min_score": 0, "max_labels": 4}}},
        only=["labels"],
    )[0]
    store = Store(tmp_path / "home")
    supplied = stage.check(store)
    assert len(supplied) == 1
    stage.setup(store)
    clip = moving_clip()
    found = stage.run(clip, SignalSet())
    labels = [one for one in found if one.kind == "image.label"]
    assert 1 <= len({one.value for one in labels}) <= 4
    assert {one.value for one in labels} <= set(shipped_labels("imagenet1k"))
    assert all(one.attributes["vocabulary"] == "imagenet1k" for one in labels)
    assert {one.source for one in found} == {
        f"torchvision.classification:mobilenet_v3_small@{next(iter(supplied)).rpartition('@')[2]}"
    }
    assert [one.embedding.shape for one in found if one.kind == "image.embedding"] == [(1024,)]
    stage.close()
    with pytest.raises(RuntimeError, match="before setup"):
        stage.run(clip, SignalSet())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there_is_said_before_anything_runs(tmp_path: Path) -> None:
    path = checkpoint(tmp_path, "mobilenet_v3_small")
    choice = {"adapter": "torchvision.classification", "model": "mobilenet_v3_small", "weights": str(path)}
    stage = build_stages(config={"device": "cuda", "stages": {"labels": choice}}, only=["labels"])[0]
    with pytest.raises(ModelError, match="device 'cuda': torch .* sees none"):
        stage.check(Store(tmp_path / "home"))
