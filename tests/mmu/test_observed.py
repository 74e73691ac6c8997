"""Stages observed apart, as processes that share a video do it, and put together."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.same import plain
from mmu.analyzer import Analyzer
from mmu.errors import ConfigError
from mmu.observed import Observed
from mmu.report.schema import Report
from tests.conftest import TITLE, TOPICS


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_stages_observed_apart_give_the_same_report(
    analyzer: Analyzer, short_video: Path, short_report: Report
) -> None:
    groups = analyzer.observer.groups
    early = {name for group in groups for name in group}
    late = {stage.name for stage in short_report.stages} - early
    # Voices, faces and text are apart; who talks is known once faces and voices are.
    assert [sum(name in group for group in groups) for name in ("faces", "speakers", "text")] == [1, 1, 1]
    assert not any(len({"faces", "speakers", "text"} & set(group)) > 1 for group in groups)
    assert "talking" in late
    halves = [[name for group in groups[part::2] for name in group] for part in range(2)]
    parts = []
    for stages in halves:
        seen = analyzer.observer.observe(str(short_video), stages=stages)
        parts.append(
            Observed.from_json(json.loads(json.dumps(seen.to_json(), default=lambda one: one.tolist())))
        )
    whole = analyzer.observer.complete(str(short_video), parts[::-1])
    joined = analyzer.conclude(whole, title=TITLE, topics=TOPICS)
    assert plain(joined) == plain(short_report.model_copy(update={"uri": joined.uri}, deep=True))
    with pytest.raises(ConfigError, match="no part has the stage"):
        analyzer.observer.merge(parts[:1])
