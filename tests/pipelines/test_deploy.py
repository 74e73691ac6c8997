"""Files of a deployment: manifests by schema, versions that agree, an image whose parts exist."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from pipelines.batch import build_parser

ROOT = Path(__file__).parents[2]
MANIFESTS = sorted((ROOT / "deploy" / "kuberay").glob("*.yaml"))


def _manifest(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return loaded


def _groups(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    cluster = manifest["spec"].get("rayClusterSpec", manifest["spec"])
    return [cluster["headGroupSpec"], *cluster["workerGroupSpecs"]]


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.stem)
def test_manifests_are_valid(path: Path) -> None:
    schema = json.loads(Path(__file__).with_name("kuberay.schema.json").read_text(encoding="utf-8"))
    manifest = _manifest(path)
    jsonschema.Draft202012Validator(schema).validate(manifest)
    for group in _groups(manifest):
        if "replicas" in group:
            assert group["minReplicas"] <= group["replicas"] <= group["maxReplicas"]
        for container in group["template"]["spec"]["containers"]:
            assert container["resources"]["requests"] == container["resources"]["limits"]


def test_both_kinds_are_there_with_workers_for_either_profile() -> None:
    kinds = {_manifest(path)["kind"]: _manifest(path) for path in MANIFESTS}
    assert set(kinds) == {"RayCluster", "RayJob"}
    cards = [
        container["resources"]["limits"].get("nvidia.com/gpu")
        for group in _groups(kinds["RayCluster"])
        for container in group["template"]["spec"]["containers"]
    ]
    assert cards == [None, None, "1"]


def test_the_entry_point_is_a_command_that_the_job_takes() -> None:
    words = shlex.split(_manifest(ROOT / "deploy" / "kuberay" / "rayjob.yaml")["spec"]["entrypoint"])
    assert words[:3] == ["python", "-m", "pipelines.batch"]
    build_parser().parse_args(words[3:])


def test_the_version_of_ray_is_the_tested_one() -> None:
    pinned = re.search(r"^ray==(\S+)$", (ROOT / "constraints.txt").read_text(encoding="utf-8"), re.M)
    assert pinned is not None
    for path in MANIFESTS:
        spec = _manifest(path)["spec"]
        assert spec.get("rayClusterSpec", spec)["rayVersion"] == pinned[1]


def test_the_cluster_launcher_has_nodes_for_both_profiles() -> None:
    types = _manifest(ROOT / "ray_cluster.yaml")["available_node_types"]
    assert types["head"]["resources"]["CPU"] == 0
    assert types["cpu_worker"]["resources"]["CPU"] > 0
    assert types["gpu_worker"]["resources"]["GPU"] > 0
    assert types["gpu_worker"]["min_workers"] == 0


def test_the_image_copies_what_exists_and_runs_as_a_user() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    steps = [line.split(None, 1) for line in lines if line.strip() and not line.startswith("#")]
    for kind, rest in steps:
        if kind == "COPY":
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    (asked,) = re.findall(r'"\.\[([a-z0-9,]+)\]"', "\n".join(lines))
    assert set(asked.split(",")) <= set(extras)
    users = [rest.strip() for kind, rest in steps if kind == "USER"]
    assert users
    assert users[-1] != "root"
    assert [kind for kind, _ in steps].index("USER") < [kind for kind, _ in steps].index("CMD")
