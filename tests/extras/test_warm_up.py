"""The first run, which a GPU or a compiler makes slow: every network can be asked for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("torchvision")

from models.torch.classification import Classifier  # noqa: E402
from models.torch.detection import Detector  # noqa: E402
from models.torch.flow import FlowNet  # noqa: E402
from models.torch.runtime import Runtime, RuntimeOptions  # noqa: E402
from models.torch.segmentation import Segmenter  # noqa: E402
from models.torch.video import ActionNet  # noqa: E402
from tests.extras.small import checkpoint  # noqa: E402


@pytest.mark.parametrize(
    ("kind", "model"),
    [
        (Classifier, "mobilenet_v3_small"),
        (Detector, "ssdlite320_mobilenet_v3_large"),
        (FlowNet, "raft_small"),
        (Segmenter, "lraspp_mobilenet_v3_large"),
        (ActionNet, "mc3_18"),
    ],
)
def test_the_first_run_is_over_when_a_network_is_built(
    kind: Any, model: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled, asked = [], []
    monkeypatch.setattr(torch, "compile", lambda module: compiled.append(module) or module)
    ask = Runtime.map
    monkeypatch.setattr(Runtime, "map", lambda self, *given, **how: asked.append(ask(self, *given, **how)))
    kind(checkpoint(tmp_path, model), model, runtime=Runtime(RuntimeOptions(device="cpu", compile=True)))
    assert compiled
    assert len(asked) == 1
    assert len(asked[0]) == 1
