"""A long video that several workers share gives the report of one process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from benchmarks.clips import write_sparse
from benchmarks.nodes import Cluster
from benchmarks.same import TITLE, TOPICS, differences, plain, run_all
from mmu.analyzer import Analyzer
from mmu.observed import Observed
from mmu.recall import Answers

#: `talking` reads from both `faces` and `speakers`, which different workers have
STAGES = ["shots", "faces", "hashes", "sound", "speech", "speakers", "talking"]

pytestmark = [pytest.mark.weights, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody speaks at its beginning, and over the end of its first window."""
    return write_sparse(tmp_path_factory.mktemp("long") / "long.mp4", seconds=304, events=(6.0, 297.0))


@pytest.fixture(scope="module")
def one_process() -> Iterator[Analyzer]:
    """All stages, on one thread."""
    with Analyzer(only=STAGES, threads=1) as loaded:
        yield loaded


@pytest.fixture(scope="module")
def alone(one_process: Analyzer, long: Path) -> Observed:
    """What one process sees of the long video."""
    return one_process.observer.observe(str(long.resolve()))


def test_what_windows_answered_is_not_asked_again(one_process: Analyzer, long: Path, alone: Observed) -> None:
    observer, answers = one_process.observer, Answers()
    stages = ("sound", "speech", "speakers")
    for start in (0.0, 300.0):
        seen = observer.look_ahead(str(long), start, start + 300, stages=stages)
        answers.add(Answers.from_bytes(seen.to_bytes()))
    kept = len(answers)
    assert kept > 10
    seen_elsewhere = observer.observe(str(long), stages=["shots", "faces", "hashes"])
    joined = observer.complete(str(long.resolve()), [seen_elsewhere], answers=answers)
    # Somebody speaks over the end of the first window, and nothing at all is asked twice.
    words = [signal for signal in alone.perceived.signals if signal.kind == "speech.segment"]
    assert any(signal.span and signal.span.start < 300 for signal in words)
    assert any(signal.span and signal.span.start >= 300 for signal in words)
    assert (answers.found, answers.missing) == (kept, 0)
    # Time that windows took counts as the stage's.
    took = {stage.name: stage.seconds for stage in joined.perceived.stages}
    assert all(took[name] > answers.seconds[name] > 0 for name in stages)
    assert plain(one_process.conclude(joined)) == plain(one_process.conclude(alone))


def test_a_job_gives_the_reports_of_one_process(
    tmp_path: Path,
    short_video: Path,
    long: Path,
    one_process: Analyzer,
    alone: Observed,
    ray_cluster: Cluster,
) -> None:
    """On two workers: a clip that one of them does, one whose stages they share, and one in windows.

    More of it in `python -m benchmarks.same`.
    """
    small = write_sparse(tmp_path / "small.mp4", seconds=4, events=(0.0,))
    expected = {
        str(clip.resolve()): one_process.analyze(str(clip.resolve()), title=TITLE, topics=TOPICS)
        for clip in (small, short_video)
    }
    expected[str(long.resolve())] = one_process.conclude(alone, title=TITLE, topics=TOPICS)
    job = ("2 workers, shared videos", 2, 5.0)
    found = run_all(
        tmp_path,
        [small, short_video, long],
        STAGES,
        threads=(),
        at_once=(),
        jobs=(job,),
        environment=ray_cluster.environment,
    )
    assert list(differences({uri: plain(one) for uri, one in expected.items()}, found[job[0]])) == []
    summary = json.loads((tmp_path / f"out {job[0]}/job/summary.json").read_text())
    assert (summary["split"], summary["windows"]) == (2, 2)
