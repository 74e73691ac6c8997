"""A long video that several workers share gives the report of one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from benchmarks.clips import write_sparse
from benchmarks.same import differences, plain, run_all
from mmu.analyzer import Analyzer
from mmu.recall import Answers


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Somebody speaks at its beginning, and over the end of its first window."""
    return write_sparse(tmp_path_factory.mktemp("long") / "long.mp4", seconds=304, events=(6.0, 297.0))


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_jobs_give_the_reports_of_one_process(tmp_path: Path, short_video: Path, long: Path) -> None:
    """On one worker, and shared by two, the long one in windows; more of it in `python -m benchmarks.same`."""
    clips = [short_video, long]
    # `talking` reads from both `faces` and `speakers`, which different workers have.
    stages = ["shots", "faces", "hashes", "sound", "speech", "speakers", "talking"]
    jobs = (("1 worker", 1, None), ("2 workers, shared videos", 2, 0.1))
    found = run_all(tmp_path, clips, stages, threads=(None,), at_once=(), jobs=jobs)
    alone, *others = found.values()
    assert len(alone) == 2
    assert [list(differences(alone, other)) for other in others] == [[], []]
    sums = [json.loads((tmp_path / f"out {name}/job/summary.json").read_text()) for name, *_ in jobs]
    assert [one["split"] for one in sums] == [0, 2]
    assert [one["windows"] for one in sums] == [0, 2]


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_what_windows_answered_is_not_asked_again(long: Path) -> None:
    stages = ("sound", "speech", "speakers")
    with Analyzer(only=stages, threads=1) as analyzer:
        observer, answers = analyzer.observer, Answers()
        for start in (0.0, 300.0):
            seen = observer.look_ahead(str(long), start, start + 300, stages=stages)
            answers.add(Answers.from_bytes(seen.to_bytes()))
        kept = len(answers)
        assert kept > 10
        with observer.open(str(long), pictures=False) as clip:
            joined = observer.complete(clip, [], answers=answers)
            alone = observer.observe(clip)
    # Somebody speaks over the end of the first window, and nothing at all is asked twice.
    words = [signal for signal in alone.perceived.signals if signal.kind == "speech.segment"]
    assert any(signal.span and signal.span.start < 300 for signal in words)
    assert any(signal.span and signal.span.start >= 300 for signal in words)
    assert (answers.found, answers.missing) == (kept, 0)
    # Time that windows took counts as the stage's.
    took = {stage.name: stage.seconds for stage in joined.perceived.stages}
    assert all(took[name] > answers.seconds[name] > 0 for name in stages)
    assert plain(analyzer.conclude(joined)) == plain(analyzer.conclude(alone))
