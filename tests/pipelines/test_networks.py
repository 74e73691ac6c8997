"""A job whose stages are given to other networks: read once, sent along, and sized by its stages."""

from __future__ import annotations

from pathlib import Path

import pytest

from mmu.errors import ConfigError
from mmu.perception.catalog import build_stages
from pipelines.config import load_config
from pipelines.pool import resources_of

MIX = (
    "device: cuda\nstages: {labels: {adapter: torchvision.classification, model: convnext_tiny, gpus: 0.3}}\n"
)


def test_a_job_takes_the_content_of_the_file_along(tmp_path: Path) -> None:
    (tmp_path / "mix.yaml").write_text(MIX)
    (tmp_path / "job.yaml").write_text("src: a\nout: b\nnetworks: mix.yaml\n")
    config = load_config(str(tmp_path / "job.yaml"), {})
    (tmp_path / "mix.yaml").unlink()
    assert config.networks is not None
    stages = {stage.name: stage for stage in build_stages(config.profile, config=config.networks)}
    assert type(stages["labels"]).__name__ == "TorchLabels"
    assert resources_of(config)["GPU"] == pytest.approx(0.3)
    other = load_config(None, {"src": "a", "out": "b", "networks": {"stages": {}}})
    assert resources_of(other)["GPU"] == 0


def test_a_wrong_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*nowhere.yaml"):
        load_config(None, {"src": "a", "out": "b", "networks": str(tmp_path / "nowhere.yaml")})
    (tmp_path / "mix.yaml").write_text("devise: cuda")
    with pytest.raises(ConfigError, match="unknown key 'devise'"):
        load_config(None, {"src": "a", "out": "b", "networks": str(tmp_path / "mix.yaml")})


def test_onnx_networks_and_decoding_on_a_gpu_reserve_a_share_of_it() -> None:
    job = {"src": "a", "out": "b"}
    assert resources_of(load_config(None, {**job, "networks": {"onnx": "cuda"}}))["GPU"] == 0.25
    assert resources_of(load_config(None, {**job, "networks": {"onnx": "auto"}}))["GPU"] == 0
    both = {"onnx": "cuda", "decode": "cuda"}
    assert resources_of(load_config(None, {**job, "networks": both}))["GPU"] == pytest.approx(0.35)
    assert resources_of(load_config(None, {**job, "networks": {"onnx": "cuda"}, "gpus": 0.5}))["GPU"] == 0.5
