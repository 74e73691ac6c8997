"""torchvision's segmentation: the same masks as torchvision's own code gives, and as stage `regions`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from mmu.perception.catalog import CPU_STAGES, build_stages  # noqa: E402
from mmu.signals import SignalSet  # noqa: E402
from models.store import Store  # noqa: E402
from models.torch.labels import shipped_labels  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from models.torch.segmentation import Segmenter  # noqa: E402
from tests.extras.small import checkpoint, moving_clip, picture  # noqa: E402

CPU = RuntimeOptions(device="cpu")


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("s"), "lraspp_mobilenet_v3_large")


@pytest.mark.parametrize("model", ["lraspp_mobilenet_v3_large", "deeplabv3_mobilenet_v3_large"])
def test_masks_are_those_of_torchvision(tmp_path: Path, model: str) -> None:
    image = picture(160, 120)
    # as published: with the auxiliary head that training used
    extra = {"aux_loss": True} if model.startswith("deeplab") else {}
    path = checkpoint(tmp_path, model, **extra)
    network = torchvision.models.get_model(model, weights=None, weights_backbone=None, **extra)
    network.load_state_dict(torch.load(path, weights_only=True))
    prepare = torchvision.models.get_model_weights(model).DEFAULT.transforms()
    with torch.inference_mode():
        pixels = torch.from_numpy(np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)))
        expected = network.eval()(prepare(pixels)[None])["out"].softmax(1)[0].numpy()
    segmenter = Segmenter(path, model, runtime=Runtime(CPU))
    np.testing.assert_allclose(segmenter.masks(image), expected, rtol=1e-3, atol=1e-6)
    regions = segmenter.regions([image])[0]
    winners = expected.argmax(axis=0)
    np.testing.assert_allclose(
        regions.shares, np.bincount(winners.ravel(), minlength=21) / winners.size, atol=1e-3
    )
    top = int(regions.shares.argmax())
    assert regions.certainty[top] == pytest.approx(float(expected[top][winners == top].mean()), rel=1e-2)
    assert all(regions.certainty[regions.shares == 0] == 0)


def test_the_classes_are_pascal_vocs_by_the_names_of_coco() -> None:
    theirs = torchvision.models.get_model_weights("deeplabv3_resnet50").DEFAULT.meta["categories"]
    renamed = {
        "__background__": "background",
        "aeroplane": "airplane",
        "diningtable": "dining table",
        "motorbike": "motorcycle",
        "pottedplant": "potted plant",
        "sofa": "couch",
        "tvmonitor": "tv",
    }
    assert [renamed.get(name, name) for name in theirs] == list(shipped_labels("voc"))
    assert set(shipped_labels("voc")[1:]) <= set(shipped_labels("coco"))


def test_the_stage_is_added_to_the_pipeline_and_emits_regions(small: Path, tmp_path: Path) -> None:
    choice = {
        "adapter": "torchvision.segmentation",
        "model": "lraspp_mobilenet_v3_large",
        "weights": str(small),
        "min_score": 0,
        "min_share": 0.001,
        "max_looks": 3,
    }
    config = {"device": "cpu", "stages": {"regions": choice}}
    names = [stage.name for stage in build_stages(config=config)]
    assert names.index("regions") == names.index("objects") + 1
    assert [name for name in names if name != "regions"] == list(CPU_STAGES)
    stage = build_stages(config=config, only=["regions"])[0]
    store = Store(tmp_path / "home")
    stage.check(store)
    stage.setup(store)
    found = stage.run(moving_clip(), SignalSet())
    assert found
    assert {one.kind for one in found} == {"image.region"}
    assert {one.value for one in found} <= set(shipped_labels("voc")[1:])
    assert all(0 < one.attributes["share"] <= 1 and one.attributes["vocabulary"] == "coco" for one in found)
    stage.close()
