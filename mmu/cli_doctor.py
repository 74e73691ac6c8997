"""`mmu doctor`: what is installed, which weights are there, and whether the pipeline works."""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

PACKAGE = "mmu-video"


def add_parser(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> argparse.ArgumentParser:
    """Add the `doctor` command."""
    parser = commands.add_parser(
        "doctor",
        help="check the installation: packages, weights, decoding and a self-test of every network",
        description="Check the installation. Exit code 1 when something is wrong, with what to do about it.",
    )
    parser.add_argument("--quick", action="store_true", help="leave out the self-test")
    return parser


def run(args: argparse.Namespace) -> int:
    """Print one line a check."""
    print(f"mmu {version(PACKAGE)} · Python {platform.python_version()} · {platform.platform()}")
    print(f"cores {len(os.sched_getaffinity(0))}")
    checks: list[tuple[str, Callable[[], str]]] = [
        ("packages", _packages),
        ("OpenCV", _opencv),
        ("weights", _weights),
        ("knowledge graph", _graph),
    ]
    if not args.quick:
        checks.append(("self-test", _self_test))
    return 0 if all([_check(name, check) for name, check in checks]) else 1


def _check(name: str, check: Callable[[], str]) -> bool:
    try:
        print(f"  ok    {name}: {check()}")
    except Exception as error:  # every fault of an installation is a finding to print
        print(f"  FAIL  {name}: {error}", file=sys.stderr)
        return False
    return True


def _packages() -> str:
    found: list[str] = []
    missing: list[str] = []
    for requirement in requires(PACKAGE) or []:
        if "extra ==" in requirement:
            continue
        name = requirement.split(";")[0].split(">")[0].split("<")[0].split("=")[0].strip()
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        raise RuntimeError(f"missing: {', '.join(missing)}; run pip install {PACKAGE}")
    return ", ".join(found)


def _opencv() -> str:
    variants = []
    for name in (
        "opencv-python",
        "opencv-contrib-python",
        "opencv-python-headless",
        "opencv-contrib-python-headless",
    ):
        try:
            variants.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    if len(variants) != 1:
        raise RuntimeError(f"exactly one variant must be installed, found: {', '.join(variants) or 'none'}")
    return variants[0]


def _weights() -> str:
    from mmu.engine import Engine
    from mmu.perception.catalog import build_stages
    from models.store import Store

    store = Store()
    stages = build_stages()
    Engine(stages, store)
    return f"{len({name for stage in stages for name in stage.models})} networks in {store.root}"


def _graph() -> str:
    import kg

    graph = kg.load()
    return f"{len(graph)} concepts"


def _self_test() -> str:
    from mmu.analyzer import Analyzer
    from mmu.cli_progress import Steps
    from mmu.perception.names import CPU_STAGES
    from mmu.sample import write_sample

    started = time.perf_counter()
    with (
        tempfile.TemporaryDirectory() as folder,
        Analyzer() as analyzer,
        Steps("self-test", 1 + len(CPU_STAGES)) as steps,
    ):
        video = write_sample(Path(folder) / "sample.mp4", seconds=4)
        report = analyzer.analyze(video, progress=lambda stage, done, total: steps.step(stage))
    if report.outcome != "ok":
        raise RuntimeError("; ".join(f"{error.where}: {error.message}" for error in report.errors))
    ran = [stage.name for stage in report.stages if stage.outcome == "ok"]
    return f"{len(ran)} stages, {len(report.tags)} tags, {time.perf_counter() - started:.1f} s"
