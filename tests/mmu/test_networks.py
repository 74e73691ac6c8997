"""The choice of networks: files, profiles, the registry, and the errors that a wrong file gives."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mmu.cli import main
from mmu.errors import ConfigError, ModelError
from mmu.networks import load_networks, profiles
from mmu.perception.adapters import adapters, place_new
from mmu.perception.catalog import CPU_STAGES, build_stages
from mmu.signals import KINDS
from models.store import Store
from models.supplied import find_entry, load_entries

LABELS = {"adapter": "torchvision.classification", "model": "convnext_tiny"}


def write(folder: Path, text: str) -> Path:
    path = folder / "mix.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("devise: cuda", r"mix.yaml: unknown key 'devise'; keys: profile, device, precision"),
        ("profile: big", r"mix.yaml: unknown profile 'big'; supported profiles: cpu, gpu"),
        ("device: tpu", r"mix.yaml: device: .*auto, cuda, cuda:N, mps or cpu"),
        ("precision: fp8", r"mix.yaml: precision: .*fp32"),
        ("stages: [labels]", r"mix.yaml: stages: .*dictionary"),
        ("stages: {labels: torch}", r"mix.yaml: stages.labels: "),
        ("stages: {lables: default}", r"mix.yaml: stages.lables: no such stage; stages: shots, .*labels"),
        ("stages: {labels: {}}", r"stages.labels.adapter: is missing; choices: default, torchvision.classif"),
        (
            "stages: {labels: {adapter: yolo}}",
            r"stages.labels.adapter: 'yolo' cannot run .* choices: default",
        ),
        ("stages: {hashes: {adapter: yolo}}", r"stages.hashes.adapter: .*; choices: default$"),
        (
            "stages: {labels: {adapter: torchvision.classification}}",
            r"stages.labels.model: is missing; choices: conv",
        ),
        (
            "stages: {labels: {adapter: torchvision.classification, model: convnext_huge}}",
            r"stages.labels.model: 'convnext_huge' is no network of torchvision.classification; choices: conv",
        ),
        (
            "stages: {labels: {adapter: torchvision.classification, model: convnext_tiny, bacth: 3}}",
            r"stages.labels.bacth: unknown option; options: adapter, model, weights",
        ),
        (
            "stages: {labels: {adapter: torchvision.classification, model: convnext_tiny, batch: 0}}",
            r"stages.labels.batch: .*greater than or equal to 1",
        ),
        ("- 1", r"mix.yaml: expected `key: value` lines, found a list"),
        ("a: [", r"mix.yaml is not valid YAML"),
        ("origin: x", r"unknown key 'origin'"),
    ],
)
def test_a_wrong_file_names_the_key_and_the_choices(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build_stages(config=write(tmp_path, text))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"cannot read the configuration .*nowhere.yaml: No such file"):
        load_networks(tmp_path / "nowhere.yaml")


def test_an_empty_file_is_the_cpu_profile(tmp_path: Path) -> None:
    config = load_networks(write(tmp_path, ""))
    assert config.profile == "cpu"
    assert [stage.name for stage in build_stages(config=config)] == list(CPU_STAGES)


def test_a_file_lies_over_the_table_of_its_profile(tmp_path: Path) -> None:
    config = load_networks(write(tmp_path, "profile: gpu\ndevice: cpu\nstages: {labels: default}"))
    table = profiles()["gpu"]["stages"]
    assert config.stages["labels"] == "default"
    assert {name: one for name, one in config.stages.items() if name != "labels"} == {
        name: one for name, one in table.items() if name != "labels"
    }
    stages = {stage.name: stage for stage in build_stages(config=config)}
    assert type(stages["labels"]).__name__ == "Labels"
    again = load_networks(config.to_json())
    assert (again.stages, again.device) == (config.stages, "cpu")


def test_the_profile_of_the_call_wins() -> None:
    assert load_networks({"profile": "gpu"}, profile="cpu").stages == {}


@pytest.mark.parametrize("name", sorted(adapters()))
def test_every_adapter_is_as_the_registry_says(name: str) -> None:
    adapter = adapters()[name]
    kind = adapter.load()
    assert kind.name == adapter.stage
    assert kind.emits == adapter.emits <= KINDS.keys()
    assert kind.extra == adapter.extra
    assert adapter.stage in CPU_STAGES or adapter.after in CPU_STAGES
    if adapter.stage in CPU_STAGES:
        default = {stage.name: stage for stage in build_stages()}[adapter.stage]
        assert kind.emits >= default.emits, "a stage that others read from must emit what they read"


def test_every_listed_network_belongs_to_an_adapter() -> None:
    for entry in load_entries():
        adapter = adapters()[entry.adapter]
        assert not adapter.models or entry.model in adapter.models, entry.name
        assert entry.upstream.startswith("https://"), entry.name


def test_the_gpu_profile_uses_the_default_entries() -> None:
    used = set()
    for choice in profiles()["gpu"]["stages"].values():
        entry = find_entry(choice["adapter"], choice["model"])
        assert entry is not None, choice
        used.add(entry.name)
    assert used == {entry.name for entry in load_entries() if entry.default}
    assert [stage.name for stage in build_stages("gpu")][: len(CPU_STAGES)]


def test_new_stages_go_where_their_adapter_says() -> None:
    assert place_new(["a", "b"], {}) == ["a", "b"]


def test_options_reach_the_stage_and_its_cost() -> None:
    config = {
        "device": "cuda",
        "precision": "fp16",
        "stages": {"labels": {**LABELS, "gpus": 0.5, "batch": 4}},
    }
    stage = build_stages(config=config, only=["labels"])[0]
    assert (stage.cost.gpus, stage.cost.memory_mb) == (0.5, 1500)
    assert stage.describe()["precision"] == "fp16"
    assert "batch" not in stage.describe()
    config["device"] = "cpu"
    assert build_stages(config=config, only=["labels"])[0].cost.gpus == 0.0


def test_missing_library_or_weights_are_said_before_anything_runs(tmp_path: Path) -> None:
    stage = build_stages(config={"stages": {"labels": LABELS}}, only=["labels"])[0]
    with pytest.raises(ModelError, match=r"not installed here: pip install|mmu models pull torchvision-"):
        stage.check(Store(tmp_path))


def examples() -> list[str]:
    """The configurations of docs/weights.md."""
    page = (Path(__file__).parents[2] / "docs" / "weights.md").read_text(encoding="utf-8")
    return [block.split("```")[0] for block in page.split("```yaml")[1:]]


@pytest.mark.parametrize("text", examples())
def test_the_configurations_of_the_docs_are_right(tmp_path: Path, text: str) -> None:
    names = [stage.name for stage in build_stages(config=write(tmp_path, text))]
    assert set(CPU_STAGES) <= set(names)


def test_the_lists_of_weights_on_the_command_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("MMU_HOME", str(tmp_path))
    assert main(["models", "list", "--profile", "gpu"]) == 0
    shown = capsys.readouterr().out
    place = tmp_path / "models" / "supplied" / "torchvision-convnext-base" / "convnext_base-6075fbad.pth"
    assert f"put it at {place}" in shown
    assert "terms 'insightface' not accepted" in shown
    assert main(["models", "list", "--json", "torchvision-raft-small"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["missing"][0]["from"].startswith("https://")
    assert main(["models", "pull", "insightface-buffalo-l", "--from", str(tmp_path)]) == 1
    assert "--accept-licence insightface" in capsys.readouterr().err
    assert main(["models", "pull", "torchvision-raft-small", "yunet"]) == 2
    assert "name them in two commands" in capsys.readouterr().err
    assert main(["models", "path", "torchvision-raft-small"]) == 0
    assert capsys.readouterr().out.strip() == str(place.parents[1] / "torchvision-raft-small")
    assert main(["models", "verify", "torchvision-raft-small"]) == 1
    assert "missing" in capsys.readouterr().out


def test_a_wrong_configuration_is_a_usage_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tag", "x.mp4", "--config", str(write(tmp_path, "stages: {lables: default}"))]) == 2
    assert "stages.lables: no such stage" in capsys.readouterr().err
