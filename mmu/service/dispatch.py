"""From the waiting jobs to the runners, and reports back."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from mmu.errors import StoreError
from mmu.service.jobs import Job, Jobs
from mmu.service.metrics import Metrics
from mmu.service.runner import Runner, RunnerError, Work
from mmu.service.settings import ServiceSettings

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 1.0
_EXPIRE_SECONDS = 60.0
#: weight of the newest job in the running mean of seconds
_NEW = 0.2


class Dispatcher:
    """One thread for each runner, and one that removes what has expired."""

    def __init__(
        self, jobs: Jobs, settings: ServiceSettings, metrics: Metrics, make: Callable[[], Runner]
    ) -> None:
        """Start nothing yet; `make` gives one runner a call."""
        self._jobs, self._settings, self._metrics = jobs, settings, metrics
        self._runners = [make() for _ in range(settings.workers)]
        self._wake = threading.Condition()
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []
        self._mean_seconds = 5.0

    def start(self) -> None:
        """Begin to work."""
        for number, runner in enumerate(self._runners):
            self._threads.append(
                threading.Thread(target=self._serve, args=(runner,), name=f"runner-{number}", daemon=True)
            )
        self._threads.append(threading.Thread(target=self._expire, name="expire", daemon=True))
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """End; what was being analysed waits again when the service starts next."""
        self._stopping.set()
        self.wake()
        for runner in self._runners:
            runner.close()
        for thread in self._threads:
            thread.join(10.0)

    def wake(self) -> None:
        """There may be a new job."""
        with self._wake:
            self._wake.notify_all()

    def alive(self) -> bool:
        """Whether every thread still runs."""
        return bool(self._threads) and all(thread.is_alive() for thread in self._threads)

    def expected_wait(self, waiting: int) -> float:
        """Seconds until so many waiting jobs have begun, by the mean of the last ones."""
        return self._mean_seconds * waiting / len(self._runners)

    def _serve(self, runner: Runner) -> None:
        while not self._stopping.is_set():
            try:
                job = self._jobs.take()
                if job is None:
                    with self._wake:
                        self._wake.wait(_LOOK_SECONDS)
                else:
                    self._do(job, runner)
            except StoreError:
                logger.exception("the store of jobs failed; trying again")
                self._stopping.wait(_LOOK_SECONDS)

    def _do(self, job: Job, runner: Runner) -> None:
        started = time.monotonic()
        self._metrics.waited.observe(max(0.0, time.time() - job.created))
        try:
            report = runner.run(
                Work(job.source, job.title, job.topics),
                lambda stage, done, total: self._jobs.progress(job.id, stage, done, total),
                seconds=self._settings.video_seconds,
            )
        except RunnerError as error:
            if self._stopping.is_set():
                return  # still marked as running, so it waits again after the restart
            state = self._jobs.fail(job.id, error.code, str(error), again=error.again)
            if state == "failed":
                self._metrics.failures.labels(error.code).inc()
                _discard(job)
            return
        facts = json.loads(report)
        if job.upload:
            # The path of the spool is nobody's business; the name that the caller gave is.
            facts["uri"] = job.name
            if facts.get("media"):
                facts["media"]["uri"] = job.name
            report = json.dumps(facts, ensure_ascii=False)
        self._jobs.finish(job.id, report, facts["outcome"])
        seconds = time.monotonic() - started
        self._mean_seconds += _NEW * (seconds - self._mean_seconds)
        self._metrics.seconds.observe(seconds)
        self._metrics.videos.labels(facts["outcome"]).inc()
        _discard(job)

    def _expire(self) -> None:
        while not self._stopping.wait(_EXPIRE_SECONDS):
            try:
                _remove(self._jobs.expire(time.time() - self._settings.ttl))
            except StoreError:
                logger.exception("cannot remove what has expired; trying again")


def _discard(job: Job) -> None:
    if job.upload:
        _remove([job.source])


def _remove(paths: Sequence[str]) -> None:
    for path in paths:
        Path(path).unlink(missing_ok=True)
