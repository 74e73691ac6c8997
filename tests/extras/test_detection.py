"""torchvision's detectors: the same boxes as torchvision's own loader gives, and as stage `objects`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")

from mmu.perception.catalog import build_stages  # noqa: E402
from mmu.signals import SignalSet  # noqa: E402
from models.errors import ModelError  # noqa: E402
from models.store import Store  # noqa: E402
from models.torch.detection import Detector  # noqa: E402
from models.torch.labels import shipped_labels  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from tests.extras.small import checkpoint, moving_clip, picture  # noqa: E402

CPU = RuntimeOptions(device="cpu")
#: short side of the search: small, so that tests are quick
SIDE = 160


def sure(path: Path) -> Path:
    """The same random network with opinions: its last layers speak up, so that there are boxes at all."""
    state = torch.load(path)
    for name, value in state.items():
        if "cls_score.weight" in name:
            value *= 400
        if name.endswith("cls_logits.bias"):
            value += 4.5
    torch.save(state, path)
    return path


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return sure(checkpoint(tmp_path_factory.mktemp("d"), "ssdlite320_mobilenet_v3_large"))


@pytest.mark.parametrize(
    ("model", "variant"),
    [
        ("fasterrcnn_resnet50_fpn", "COCO_V1"),  # batch norm without epsilon
        ("fasterrcnn_mobilenet_v3_large_320_fpn", "COCO_V1"),
        ("retinanet_resnet50_fpn_v2", "COCO_V1"),
        ("ssdlite320_mobilenet_v3_large", "COCO_V1"),
    ],
)
def test_boxes_are_those_of_torchvisions_own_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, model: str, variant: str
) -> None:
    path, image = sure(checkpoint(tmp_path, model)), picture(240, 180)
    weights = torchvision.models.get_model_weights(model)[variant]
    monkeypatch.setattr(type(weights), "get_state_dict", lambda *_, **__: torch.load(path, weights_only=True))
    network = torchvision.models.get_model(model, weights=weights).eval()
    if network.transform.fixed_size is None:
        network.transform.min_size, network.transform.max_size = (SIDE,), 10 * SIDE
    with torch.inference_mode():
        pixels = torch.from_numpy(np.ascontiguousarray(image[:, :, ::-1].transpose(2, 0, 1)))
        expected = network([weights.transforms()(pixels)])[0]
    detector = Detector(path, model, variant=variant, side=SIDE, runtime=Runtime(CPU))
    found = detector.detect([image], threshold=0.0)[0]
    assert len(found) == len(expected["scores"]) > 5
    np.testing.assert_allclose([one.score for one in found], expected["scores"], rtol=1e-3)
    # boxes of one score may come in any order
    boxes = np.array([[one.label * 1000, one.x, one.y, one.x + one.w, one.y + one.h] for one in found])
    theirs = np.column_stack([expected["labels"] * 1000, expected["boxes"]])
    apart = np.abs(boxes[:, None] - theirs[None]).max(axis=2)
    # (of the last of them, which are cut off at a number, others of their score may be kept)
    assert (apart.min(axis=0) < 0.05).mean() > 0.8
    assert (apart.min(axis=1) < 0.05).mean() > 0.8


def test_batches_and_thresholds(small: Path) -> None:
    images = [picture(seed=seed) for seed in range(3)]
    model = "ssdlite320_mobilenet_v3_large"
    one = Detector(small, model, runtime=Runtime(CPU), batch=1).detect(images, threshold=0.2)
    more = Detector(small, model, runtime=Runtime(CPU), batch=3).detect(images, threshold=0.2)
    assert [len(row) for row in one] == [len(row) for row in more]
    assert all(found.score >= 0.2 for row in one for found in row)
    for a, b in zip(one, more, strict=True):
        np.testing.assert_allclose([x.score for x in a], [x.score for x in b], rtol=1e-3)


@pytest.mark.parametrize("precision", ["bf16"])
def test_half_precision_runs_to_the_end(small: Path, precision: str) -> None:
    runtime = Runtime(RuntimeOptions(device="cpu", precision=precision))
    detector = Detector(small, "ssdlite320_mobilenet_v3_large", runtime=runtime)
    assert detector.detect([picture()], threshold=0.0)[0]


def test_a_file_of_another_detector_is_refused(small: Path) -> None:
    with pytest.raises(
        ModelError, match="holds no fasterrcnn_mobilenet_v3_large_fpn of 91 classes: .*is `model:`"
    ):
        Detector(small, "fasterrcnn_mobilenet_v3_large_fpn", runtime=Runtime(CPU))


def test_the_classes_are_torchvisions() -> None:
    weights = torchvision.models.get_model_weights("fasterrcnn_resnet50_fpn").DEFAULT
    assert list(shipped_labels("coco")) == weights.meta["categories"]


def test_the_stage_emits_tracks_in_source_pixels(small: Path, tmp_path: Path) -> None:
    clip = moving_clip()
    detector = Detector(small, "ssdlite320_mobilenet_v3_large", runtime=Runtime(CPU))
    tenth = detector.detect([clip.frame(0).image], threshold=0.0)[0][10].score
    choice = {
        "adapter": "torchvision.detection",
        "model": "ssdlite320_mobilenet_v3_large",
        "weights": str(small),
        "min_score": tenth,
        "batch": 4,
        "max_looks": 5,
    }
    stage = build_stages(config={"device": "cpu", "stages": {"objects": choice}}, only=["objects"])[0]
    store = Store(tmp_path / "home")
    stage.check(store)
    stage.setup(store)
    found = stage.run(clip, SignalSet())
    assert found
    for one in found:
        assert one.kind == "image.object"
        assert one.value in shipped_labels("coco")
        assert one.value not in ("N/A", "__background__")
        assert one.source.startswith("torchvision.detection:ssdlite320_mobilenet_v3_large@")
        assert one.box is not None
        assert one.box.x >= -1
        assert one.box.x + one.box.w <= 321
        assert one.attributes["vocabulary"] == "coco"
    assert len({one.track for one in found}) == len(found) <= 40
    stage.close()


def test_networks_that_are_less_sure_of_themselves_get_a_lower_threshold() -> None:
    def threshold(model: str, **more: object) -> float:
        choice = {"adapter": "torchvision.detection", "model": model, **more}
        stage = build_stages(config={"stages": {"objects": choice}}, only=["objects"])[0]
        return stage.options.min_score

    assert threshold("fasterrcnn_resnet50_fpn_v2") == 0.5
    assert threshold("retinanet_resnet50_fpn_v2") == 0.4
    assert threshold("retinanet_resnet50_fpn_v2", min_score=0.7) == 0.7
