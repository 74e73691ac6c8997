"""Tiny clips, a stage that crashes on request, and one job after another in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmarks.nodes import Cluster
from benchmarks.tiny import write_tiny

ROOT = Path(__file__).resolve().parents[2]
#: loaded by every Python process that has its folder on the path: adds the stage to the catalogue
SITE = """
import os
if os.environ.get("MMU_TEST_CRASH"):
    import sys
    sys.path.insert(0, os.path.dirname(__file__))
    import mmu.perception.catalog as catalog
    catalog.CPU_STAGES["crash"] = "crash_stage:Crash"
"""
STAGE = """
import ctypes, os, time
from mmu.stage import Needs, Stage

class Crash(Stage):
    name = "crash"
    needs = Needs(frames=True)
    emits = frozenset()
    several_clips = True

    def run(self, clip, signals):
        name = os.path.basename(clip.uri)
        mark = os.environ["MMU_TEST_CRASH"] + "/" + name
        if os.environ.get("MMU_TEST_CURED"):
            return []
        here = os.environ["MMU_TEST_CRASH"]
        if name.startswith("meet"):  # passed once three are here at the same time
            open(mark, "w").close()
            while sum(one.startswith("meet") for one in os.listdir(here)) < 3:
                time.sleep(0.02)
        if name.startswith("stay") and not os.path.exists(mark):  # the first time for ever
            open(mark, "w").close()
            time.sleep(3600)
        if name.startswith("mine"):  # crashes once two have come to stay
            while sum(one.startswith("stay") for one in os.listdir(here)) < 2:
                time.sleep(0.02)
            ctypes.string_at(0)
        if name.startswith("segv"):
            ctypes.string_at(0)
        if name.startswith("once") and not os.path.exists(mark):
            open(mark, "w").close()
            ctypes.string_at(0)
        if name.startswith("gate"):  # passed once another process has come to its own gate
            open(f"{here}/gate{os.getpid()}", "w").close()
            while sum(one.startswith("gate") for one in os.listdir(here)) < 2:
                time.sleep(0.05)
        if name.startswith("hang"):
            time.sleep(3600)
        return []
"""


@pytest.fixture
def clips(tmp_path: Path) -> Path:
    """A folder of twelve tiny clips."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(12):
        write_tiny(folder / f"clip{number:02}.mp4", seed=number)
    return folder


@pytest.fixture
def crash_environment(tmp_path: Path) -> dict[str, str]:
    """Environment in which the stage `crash` exists, in workers too."""
    return write_crash_stage(tmp_path)


def write_crash_stage(place: Path) -> dict[str, str]:
    """Write the stage `crash`; the environment in which it exists."""
    folder = place / "site"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(SITE)
    (folder / "crash_stage.py").write_text(STAGE)
    marks = place / "marks"
    marks.mkdir()
    return {"MMU_TEST_CRASH": str(marks), "PYTHONPATH": f"{folder}{os.pathsep}{ROOT}"}


Job = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture
def job(ray_cluster: Cluster) -> Job:
    """Runs `python -m pipelines.batch` (or another module) to its end, on the cluster that all share."""

    def run(*arguments: Any, module: str = "pipelines.batch", env: dict[str, str] | None = None) -> Any:
        # Workers do not have the environment of the driver but that of the cluster, and what a job adds to it.
        added = {"runtime_env": {"env_vars": env or {}}, "metadata": {}}
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, arguments)],
            cwd=ROOT,
            env={**ray_cluster.environment, **(env or {}), "RAY_JOB_CONFIG_JSON_ENV_VAR": json.dumps(added)},
            capture_output=True,
            text=True,
            timeout=400,
        )

    return run
