"""A batch job that loses processes, or a whole node, gives the tables of one that is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.kills import prepare, run_kills
from benchmarks.nodes import Cluster, run_loss

pytest.importorskip("ray")

CLIPS, STAGES = 12, "shots"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, ray_cluster: Cluster) -> Path:
    """Clips, and the tables of a run that is left alone."""
    place = tmp_path_factory.mktemp("attacked")
    prepare(place, clips=CLIPS, stages=STAGES, workers=1, environment=ray_cluster.environment)
    return place


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_kills(folder: Path) -> None:
    done = run_kills(folder, kills=2, clips=CLIPS, seed=22, stages=STAGES, say=False)
    assert sum(done.killed.values()) >= 1, done
    assert done.compared.rows > CLIPS
    assert done.compared.same, done


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_node_of_a_cluster_is_taken_away(folder: Path) -> None:
    """Two real raylets, one of which ends; the long version is `python -m benchmarks.nodes`."""
    lost = run_loss(folder, clips=CLIPS, nodes=1, head_cpus=1, stages=STAGES)
    assert lost.code == 1, lost.output  # two files are dead letters
    assert lost.summary["worker_deaths"] >= 1, lost.summary
    assert lost.compared.rows > CLIPS
    assert lost.compared.same, lost
