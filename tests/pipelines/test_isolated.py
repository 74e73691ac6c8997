"""The analysis process as its worker sees it."""

from __future__ import annotations

import os
import pickle
import signal
import threading
from pathlib import Path

import pytest

from benchmarks.tiny import write_tiny
from pipelines.config import JobConfig
from pipelines.isolated import Isolated, ProcessDied
from pipelines.rows import Row


def test_a_death_travels_between_processes() -> None:
    death = pickle.loads(pickle.dumps(ProcessDied("killed", "by hand", by_hand=True)))
    assert (death.code, death.reason, death.by_hand, str(death)) == ("killed", "by hand", True, "by hand")


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_it_is_started_again_after_a_kill(tmp_path: Path) -> None:
    clip = write_tiny(tmp_path / "clip.mp4", seed=1)
    isolated = Isolated(JobConfig(src="in", out="out", stages=["shots"]))
    request = {"op": "analyze", "row": Row(str(clip)).to_json()}
    try:
        first = isolated.ask(request, 120.0)
        assert first["report"]["outcome"] == "ok"
        pid = isolated.pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)  # so that the kill meets it within the request
        threading.Timer(1.0, os.kill, (pid, signal.SIGKILL)).start()
        with pytest.raises(ProcessDied) as caught:
            isolated.ask(request, 60.0)
        assert caught.value.by_hand
        again = isolated.ask(request, 120.0)
        assert again["report"]["id"] == first["report"]["id"]
        assert isolated.ask({"op": "probe", "row": Row(str(clip)).to_json()}, 60.0)["seconds"] > 0.2
        assert "unknown request" in isolated.ask({"op": "sing", "row": Row("x").to_json()}, 60.0)["error"]
    finally:
        isolated.stop()
    assert isolated.pid is None
