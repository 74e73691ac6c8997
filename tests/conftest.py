"""Fixtures that many tests share: the sample video, analysed once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmu.analyzer import Analyzer
from mmu.report.schema import Report
from mmu.sample import write_sample
from models.lock import locked

TITLE = "宇航员和她的猫咪 A day of an astronaut"
#: about how long a test with this mark takes: for their order only
_SECONDS = {"slow": 20.0, "weights": 2.0, "browser": 2.0}
TOPICS = ("宇航员", "astronaut", "猫咪", "上热门", "篮球")


def pytest_configure(config: pytest.Config) -> None:
    """Groups are handed out in the order that `pytest_collection_modifyitems` gives them."""
    config.option.loadscopereorder = False


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Side by side (`pytest -n 2 --dist loadgroup`) run whole files, the longest first.

    Files that need the report of the sample are one group, so that it is made once; tests that start Ray are
    another, by their own mark.
    """
    sample = {item.path for item in items if "sample_report" in getattr(item, "fixturenames", ())}
    seconds: Counter[str] = Counter()
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group("sample" if item.path in sample else str(item.path)))
        seconds[_group(item)] += max(_SECONDS.get(mark.name, 0.1) for mark in item.iter_markers())
    items.sort(key=lambda item: (-seconds[_group(item)], _group(item)))


def _group(item: pytest.Item) -> str:
    mark = item.get_closest_marker("xdist_group")
    assert mark is not None
    return str(mark.args[0])


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of this run, the same one for all of pytest-xdist's workers."""
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def sample_clip(shared_folder: Path) -> Callable[[float | None], Path]:
    """The sample video at a length in seconds: composed by the worker that first asks. Not to be changed."""

    def clip(seconds: float | None) -> Path:
        path = shared_folder / ("sample.mp4" if seconds is None else f"sample{seconds:g}.mp4")
        with locked(path.with_suffix(".lock")):
            if not path.exists():
                write_sample(part := path.with_suffix(".part.mp4"), seconds=seconds)
                part.rename(path)
        return path

    return clip


@pytest.fixture(scope="session")
def sample_video(sample_clip: Callable[[float | None], Path]) -> Path:
    """The sample video at its full length."""
    return sample_clip(None)


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
