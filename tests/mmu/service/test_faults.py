"""What must not be lost when processes die."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mmu.errors import ConfigError
from mmu.service.jobs import MAX_ATTEMPTS, Asked, FullError, Jobs
from mmu.service.keys import KeyFile
from mmu.service.runner import ProcessRunner, RunnerError, Work
from mmu.service.settings import ServiceSettings
from tests.mmu.service.server import Server

OPTIONS = {"only": ["shots"], "threads": 1}


def test_a_killed_process_costs_one_try_and_the_next_one_works(clip: Path) -> None:
    runner = ProcessRunner(OPTIONS)
    try:
        runner.run(Work(str(clip), "", ()), lambda *_: None, seconds=60)

        def kill(*_: object) -> None:
            os.kill(runner._process.pid, signal.SIGKILL)

        with pytest.raises(RunnerError) as died:
            runner.run(Work(str(clip), "", ()), kill, seconds=60)
        assert (died.value.code, died.value.again) == ("crashed", True)
        assert '"outcome":"ok"' in runner.run(Work(str(clip), "", ()), lambda *_: None, seconds=60).replace(
            ": ", ":"
        )
    finally:
        runner.close()


def test_an_analysis_that_takes_too_long_is_stopped(clip: Path) -> None:
    runner = ProcessRunner(OPTIONS)
    try:
        with pytest.raises(RunnerError) as late:
            runner.run(Work(str(clip), "", ()), lambda *_: None, seconds=0.0)
        assert (late.value.code, late.value.again) == ("timeout", False)
    finally:
        runner.close()


def test_jobs_survive_the_service(tmp_path: Path, serve: Callable[..., Server], clip: Path) -> None:
    """A job that was running when the service died is done by the next one."""
    data = tmp_path / "data"
    jobs = Jobs(data / "jobs.sqlite")
    asked = Asked(str(clip), "digest", clip.name, upload=False)
    (job,) = jobs.put("tester-0", [asked], max_waiting=1)
    assert jobs.take() is not None
    assert jobs.take() is None
    jobs.close()
    server = serve(data=data)
    assert server.finished(job.id)["outcome"] == "ok"


def test_a_job_that_kills_every_worker_is_given_up(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs.sqlite")
    jobs.put("me", [Asked("a", "a", "a")], max_waiting=1)
    for attempt in range(1, MAX_ATTEMPTS + 1):
        job = jobs.take()
        assert job is not None
        assert job.attempts == attempt
        state = jobs.fail(job.id, "crashed", "died", again=True)
    assert state == "failed"
    assert jobs.take() is None
    jobs.put("me", [Asked("a", "a", "a")], max_waiting=1)  # asked again, it is tried again
    assert jobs.take() is not None


def test_all_or_nothing(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs.sqlite")
    jobs.put("me", [Asked("a", "a", "a")], max_waiting=2)
    with pytest.raises(FullError):
        jobs.put("me", [Asked("a", "a", "a"), Asked("b", "b", "b"), Asked("c", "c", "c")], max_waiting=2)
    assert jobs.counts() == {"queued": 1}


def test_what_ended_long_ago_is_removed(tmp_path: Path) -> None:
    jobs = Jobs(tmp_path / "jobs.sqlite")
    jobs.put("me", [Asked("/spool/x", "a", "a", upload=True), Asked("b", "b", "b")], max_waiting=2)
    for _ in range(2):
        job = jobs.take()
        assert job is not None
        jobs.finish(job.id, "{}", "ok")
    assert jobs.expire(time.time() - 10) == []
    assert jobs.expire(time.time() + 1) == ["/spool/x"]
    assert jobs.counts() == {}


def test_keys(tmp_path: Path) -> None:
    keys = KeyFile(tmp_path / "keys.json")
    key = keys.add("ann")
    assert keys.owner(key) == "ann"
    assert keys.owner(key + "x") is None
    assert keys.owner("") is None
    assert key not in (tmp_path / "keys.json").read_text()
    assert (tmp_path / "keys.json").stat().st_mode & 0o077 == 0
    for name in ("ann", "", "../x", "a b"):
        with pytest.raises(ConfigError):
            keys.add(name)
    KeyFile(tmp_path / "keys.json").remove("ann")
    assert keys.owner(key) is None


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"max_bytes": 1}, {"rate": 0}, {"ttl": -1}])
def test_settings_name_the_range(tmp_path: Path, wrong: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="outside the allowed range"):
        ServiceSettings(data=tmp_path, keys=None, **wrong)  # type: ignore[arg-type]
