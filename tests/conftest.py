"""Fixtures that many tests share: the sample video, analysed once."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mmu.analyzer import Analyzer
from mmu.report.schema import Report
from mmu.sample import write_sample

TITLE = "宇航员和她的猫咪 A day of an astronaut"
TOPICS = ("宇航员", "astronaut", "猫咪", "上热门", "篮球")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side (`pytest -n 2 --dist loadgroup`) run whole files, and Ray's tests one after another."""
    for item in items:
        group = "ray" if "pipelines" in item.path.parts else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def sample_video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample video at its full length."""
    return write_sample(tmp_path_factory.mktemp("sample") / "sample.mp4")


@pytest.fixture(scope="session")
def analyzer() -> Iterator[Analyzer]:
    """The shipped pipeline, loaded once."""
    with Analyzer() as loaded:
        yield loaded


@pytest.fixture(scope="session")
def sample_report(analyzer: Analyzer, sample_video: Path) -> Report:
    """The report of the sample video."""
    return analyzer.analyze(sample_video, title=TITLE, topics=TOPICS)


@pytest.fixture
def corpus() -> Path:
    """The evaluation corpus, where there is one."""
    place = os.environ.get("MMU_CORPUS")
    if not place or not (Path(place) / "truth.jsonl").is_file():
        pytest.skip("no evaluation corpus: $MMU_CORPUS is not set")
    return Path(place)
