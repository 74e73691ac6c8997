"""Fixtures that many tests share: the sample video, analysed once."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from mmu.analyzer import Analyzer
from mmu.moderation import cli_learn
from mmu.reasoning.similarity import TopicSimilarity, load_similarity
from mmu.report.schema import Report
from mmu.sample import write_sample
from models.lock import locked
from models.store import Store
from models.text_embedding import TextEmbedder

if TYPE_CHECKING:
    from benchmarks.nodes import Cluster

TITLE = "宇航员和她的猫咪 A day of an astronaut"
TOPICS = ("宇航员", "astronaut", "猫咪", "上热门", "篮球")
#: files that are one group: those that start Ray, and those that need the report of the sample
TOGETHER = {
    "ray": (
        "benchmarks/test_kills.py",
        "pipelines/test_batch.py",
        "pipelines/test_long.py",
        "pipelines/test_s3.py",
        "pipelines/test_serve.py",
        "pipelines/test_submit.py",
    ),
    "sample": ("mmu/reasoning/test_caption.py", "mmu/test_analyzer.py", "mmu/test_observed.py"),
}
#: about how long a test with this mark takes: for their order only
_SECONDS = {"slow": 20.0, "weights": 2.0, "browser": 2.0}


def pytest_configure(config: pytest.Config) -> None:
    """Files are handed out in the order that `pytest_collection_modifyitems` gives them."""
    config.option.loadscopereorder = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first, so that side by side nothing long is left over at the end."""
    seconds: Counter[str] = Counter()
    for item in items:
        group = together(item.nodeid)
        seconds[group] += max((_SECONDS.get(mark.name, 0.1) for mark in item.iter_markers()), default=0.1)
    items.sort(key=lambda item: (-seconds[together(item.nodeid)], together(item.nodeid)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Side by side (`pytest -n 2 --dist loadgroup`) run whole files.

    By a scheduler of our own: from pytest 9.2 on pytest-xdist 3.8 does not see the mark `xdist_group` any more
    (pytest-xdist issue 1386), and hands out every test by itself.
    """
    if config.getoption("dist") != "loadgroup":
        return None
    from xdist.scheduler import LoadScopeScheduling

    class ByGroup(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return ByGroup(config, log)


def together(nodeid: str) -> str:
    """The group of a test: its tests run one after another, on one worker."""
    file = nodeid.partition("::")[0].removeprefix("tests/")
    return next((name for name, files in TOGETHER.items() if file in files), file)


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, Callable[[Path], Any]], Path]:
    """Has a file of a name written by the worker that first asks for it; the others get the same one.

    It is not to be changed.
    """
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "shared"

    def make(name: str, write: Callable[[Path], Any]) -> Path:
        path = folder / name
        with locked(folder / f"{name}.lock"):
            if not path.exists():
                write(part := folder / f"part-{name}")
                part.rename(path)
        return path

    return make


@pytest.fixture(scope="session")
def sample_video(made_once: Callable[..., Path]) -> Path:
    """The sample video at its full length of 23 seconds."""
    return made_once("sample.mp4", write_sample)


@pytest.fixture(scope="session")
def short_video(made_once: Callable[..., Path]) -> Path:
    """The sample video in six seconds: all of its shots."""
    return made_once("short.mp4", partial(write_sample, seconds=6.0))


@pytest.fixture(scope="session")
def analyzer() -> Iterator[Analyzer]:
    """The shipped pipeline, loaded once."""
    with Analyzer() as loaded:
        yield loaded


@pytest.fixture(scope="session")
def embedder() -> TextEmbedder:
    """The encoders of text, loaded once."""
    return TextEmbedder(Store())


@pytest.fixture(scope="session")
def similarity() -> TopicSimilarity:
    """The shipped similarity of texts, loaded once."""
    found = load_similarity(Store())
    assert found is not None
    return found


@pytest.fixture
def encoder_of_commands(embedder: TextEmbedder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of one test process share the real encoders, in place of loading them each."""
    monkeypatch.setattr(cli_learn, "encoder", lambda threads: embedder.embed)


@pytest.fixture(scope="session")
def sample_report(analyzer: Analyzer, sample_video: Path) -> Report:
    """The report of the sample video."""
    return analyzer.analyze(sample_video, title=TITLE, topics=TOPICS)


@pytest.fixture(scope="session")
def short_report(analyzer: Analyzer, short_video: Path) -> Report:
    """The report of the short one."""
    return analyzer.analyze(short_video, title=TITLE, topics=TOPICS)


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[Cluster]:
    """A Ray on loopback for all jobs that need none of their own: to start one takes longer than a small job."""
    from benchmarks.nodes import Cluster

    with Cluster(cpus=2) as cluster:
        yield cluster.ready()


@pytest.fixture
def corpus() -> Path:
    """The evaluation corpus, where there is one."""
    place = os.environ.get("MMU_CORPUS")
    if not place or not (Path(place) / "truth.jsonl").is_file():
        pytest.skip("no evaluation corpus: $MMU_CORPUS is not set")
    return Path(place)
