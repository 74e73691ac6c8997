"""A long video that several workers share gives the report of one process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("pyarrow")

from benchmarks.same import differences, plain, run_all
from benchmarks.tiny import write_tiny
from mmu.analyzer import Analyzer
from mmu.errors import ConfigError
from mmu.observed import Observed
from mmu.report.schema import Report
from mmu.sample import write_sample
from tests.conftest import TITLE, TOPICS


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_stages_observed_apart_give_the_same_report(
    analyzer: Analyzer, sample_video: Path, sample_report: Report
) -> None:
    groups = analyzer.stage_groups
    early = {name for group in groups for name in group}
    late = {stage.name for stage in sample_report.stages} - early
    # Voices, faces and text are apart; who talks is known once faces and voices are.
    assert [sum(name in group for group in groups) for name in ("faces", "speakers", "text")] == [1, 1, 1]
    assert not any(len({"faces", "speakers", "text"} & set(group)) > 1 for group in groups)
    assert "talking" in late
    halves = [[name for group in groups[part::2] for name in group] for part in range(2)]
    parts = []
    for stages in halves:
        seen = analyzer.observe(str(sample_video), stages=stages)
        parts.append(
            Observed.from_json(json.loads(json.dumps(seen.to_json(), default=lambda one: one.tolist())))
        )
    whole = analyzer.complete(str(sample_video), parts[::-1])
    joined = analyzer.conclude(whole, title=TITLE, topics=TOPICS)
    assert plain(joined) == plain(sample_report.model_copy(update={"uri": joined.uri}, deep=True))
    with pytest.raises(ConfigError, match="no part has the stage"):
        analyzer.complete(str(sample_video), parts[:1])
    with pytest.raises(ConfigError, match="no part has the stage"):
        analyzer.merge(parts[:1])


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_jobs_give_the_reports_of_one_process(tmp_path: Path) -> None:
    """Two at once, on one worker, and shared by two; the long version is `python -m benchmarks.same`."""
    clips = [write_sample(tmp_path / "real.mp4", seconds=6), write_tiny(tmp_path / "tiny.mp4", seed=1)]
    # `talking` reads from both `faces` and `speakers`, which different workers have.
    stages = ["shots", "faces", "hashes", "sound", "speech", "speakers", "talking"]
    jobs = (("1 worker", 1, None), ("2 workers, shared videos", 2, 0.1))
    found = run_all(tmp_path, clips, stages, threads=(None,), jobs=jobs)
    alone, *others = found.values()
    assert len(alone) == 2
    assert [list(differences(alone, other)) for other in others] == [[], [], []]
    splits = [
        json.loads((tmp_path / f"out {name}/job/summary.json").read_text())["split"] for name, *_ in jobs
    ]
    assert splits == [0, 2]
