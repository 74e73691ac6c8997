"""A configuration from the analyzer to the report: fingerprint, weights, sources, notes, errors."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from mmu.analyzer import Analyzer  # noqa: E402
from mmu.engine import Engine  # noqa: E402
from mmu.perception.catalog import build_stages  # noqa: E402
from models.store import Store  # noqa: E402
from models.torch.classification import Classifier  # noqa: E402
from tests.extras.small import checkpoint, moving_clip, picture  # noqa: E402


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("r"), "mobilenet_v3_small")


def config(small: Path, **more: object) -> dict[str, object]:
    choice = {"adapter": "torchvision.classification", "model": "mobilenet_v3_small", "weights": str(small)}
    return {"device": "cpu", "stages": {"labels": {**choice, "min_score": 0.0, **more}}}


@pytest.mark.weights
def test_the_report_says_which_network_made_what(small: Path, tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "picture.png"), picture())
    with Analyzer(config=config(small), only=["labels"]) as analyzer:
        report = analyzer.analyze(tmp_path / "picture.png")
        print = analyzer.fingerprint
    assert report.outcome == "ok"
    (name,) = [name for name in report.models if name.startswith("mobilenet_v3_small@")]
    sources = {one["source"] for one in report.signals if one["kind"].startswith("image.")}
    assert sources == {f"torchvision.classification:{name}"}
    assert report.pipeline == print
    with Analyzer(config=config(small, batch=3), only=["labels"]) as same:
        assert same.fingerprint == print, "how much runs at a time changes nothing"
    with Analyzer(config=config(small, precision="bf16"), only=["labels"]) as other:
        assert other.fingerprint != print
    with Analyzer(only=["labels"]) as default:
        assert default.fingerprint != print


def test_a_batch_that_did_not_fit_is_in_the_notes_of_the_stage(
    small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forward = Classifier._forward

    def tight(self: Classifier, pixels: torch.Tensor) -> object:
        if len(pixels) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
        return forward(self, pixels)

    monkeypatch.setattr(Classifier, "_forward", tight)
    stages = build_stages(config=config(small, batch=8), only=["labels"])
    engine = Engine(stages, Store(tmp_path / "home"))
    seen = engine.perceive(moving_clip(seconds=2, step=12))
    (outcome,) = seen.stages
    assert outcome.outcome == "ok"
    assert "out of memory at a batch of" in outcome.notes[0]
    assert seen.signals.of("image.label")
    again = engine.perceive(moving_clip(seconds=2, step=12))
    assert again.stages[0].notes == []
    engine.close()


def test_a_file_of_another_network_costs_its_stage_only(small: Path, tmp_path: Path) -> None:
    wrong = {**config(small)["stages"]["labels"], "model": "resnet50"}
    stages = build_stages(config={"device": "cpu", "stages": {"labels": wrong}}, only=["labels", "hashes"])
    engine = Engine(stages, Store(tmp_path / "home"))
    outcomes = {one.name: one for one in engine.perceive(moving_clip(seconds=1)).stages}
    assert outcomes["hashes"].outcome == "ok"
    assert outcomes["labels"].outcome == "failed"
    assert outcomes["labels"].errors[0].code == "model"
    assert "holds no resnet50 of 1000 classes" in outcomes["labels"].errors[0].message
