"""A long video that several workers share gives the report of one process."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarks.tiny import write_tiny
from mmu.analyzer import Analyzer
from mmu.errors import ConfigError
from mmu.observed import Observed
from mmu.report.schema import Report
from tests.conftest import TITLE, TOPICS
from tests.pipelines.conftest import Job


def plain(report: Report) -> dict[str, Any]:
    """A report without its timings."""
    data = report.model_dump(mode="json")
    for stage in data["stages"]:
        stage["seconds"] = 0
    return data


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_stages_observed_apart_give_the_same_report(
    analyzer: Analyzer, sample_video: Path, sample_report: Report
) -> None:
    groups = analyzer.stage_groups
    assert len(groups) >= 3
    assert sorted(name for group in groups for name in group) == sorted(
        stage.name for stage in sample_report.stages
    )
    halves = [[name for group in groups[part::2] for name in group] for part in range(2)]
    parts = []
    for stages in halves:
        seen = analyzer.observe(str(sample_video), stages=stages)
        parts.append(
            Observed.from_json(json.loads(json.dumps(seen.to_json(), default=lambda one: one.tolist())))
        )
    joined = analyzer.conclude(analyzer.merge(parts[::-1]), title=TITLE, topics=TOPICS)
    assert plain(joined) == plain(sample_report.model_copy(update={"uri": joined.uri}, deep=True))
    with pytest.raises(ConfigError, match="no part has the stage"):
        analyzer.merge(parts[:1])


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_job_that_shares_a_video_gives_the_same_rows(tmp_path: Path, job: Job) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    write_tiny(tmp_path / "long.mp4", seed=1, seconds=3.0)
    write_tiny(tmp_path / "short.mp4", seed=2, seconds=0.5)
    manifest = tmp_path / "list.csv"
    manifest.write_text("uri,title\nlong.mp4,a cat\nshort.mp4,\nabsent.mp4,\n")
    rows, split = {}, {}
    for limit in ("2", "100"):
        out = tmp_path / f"out{limit}"
        command = ["--src", manifest, "--out", out, "--stages", "shots,hashes,explicit", "--workers", "2"]
        done = job(*command, "--memory-mb", "300", "--quiet", "--long-seconds", limit)
        assert done.returncode == 1, done.stderr
        split[limit] = json.loads((out / "job" / "summary.json").read_text())["split"]
        reports = pq.read_table(out / "reports").to_pylist()
        rows[limit] = {row["uri"]: plain(Report.model_validate_json(row["report"])) for row in reports}
        assert pq.read_table(out / "dead_letters")["code"].to_pylist() == ["not_found"]
    assert split == {"2": 1, "100": 0}
    assert rows["2"] == rows["100"]
    assert len(rows["2"]) == 2
