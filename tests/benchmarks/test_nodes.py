"""A cluster of several raylets loses a node while a job runs: its tables are those of a quiet run."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ray")


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_node_is_taken_away(tmp_path: Path) -> None:
    from benchmarks.nodes import run_loss

    lost = run_loss(tmp_path, clips=40, nodes=2, stages="shots")
    assert lost.code == 1, lost.output  # two files are dead letters
    assert lost.summary["worker_deaths"] >= 1, lost.summary
    assert lost.compared.rows > 40
    assert lost.compared.same, lost
