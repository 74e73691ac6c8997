"""A batch job that loses processes, or a whole node, gives the tables of one that is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ray")

CLIPS, STAGES = 30, "shots"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clips, and the tables of a run that is left alone: made by the first test, used by both."""
    return tmp_path_factory.mktemp("attacked")


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_kills(folder: Path) -> None:
    from benchmarks.kills import run_kills

    done = run_kills(folder, kills=2, clips=CLIPS, seed=22, stages=STAGES, say=False)
    assert sum(done.killed.values()) >= 1, done
    assert done.compared.rows > CLIPS
    assert done.compared.same, done


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_node_of_a_cluster_is_taken_away(folder: Path) -> None:
    """Three real raylets; the long version is `python -m benchmarks.nodes`."""
    from benchmarks.nodes import run_loss

    lost = run_loss(folder, clips=CLIPS, nodes=2, stages=STAGES)
    assert lost.code == 1, lost.output  # two files are dead letters
    assert lost.summary["worker_deaths"] >= 1, lost.summary
    assert lost.compared.rows > CLIPS
    assert lost.compared.same, lost
