"""A batch job that is killed again and again gives the tables of one that is left alone."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("ray")


@pytest.mark.weights
@pytest.mark.slow
@pytest.mark.timeout(900)
def test_two_kills(tmp_path: Path) -> None:
    from benchmarks.kills import run_kills

    done = run_kills(tmp_path, kills=2, clips=16, seed=22, stages="shots,hashes", say=False)
    assert sum(done.killed.values()) >= 1, done
    assert done.compared.rows > 16
    assert done.compared.same, done
