"""Everything that a request needs, in one place."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from mmu.service.dispatch import Dispatcher
from mmu.service.guard import Guard, Refused
from mmu.service.jobs import Asked, FullError, Job, Jobs
from mmu.service.metrics import Metrics
from mmu.service.settings import ServiceSettings


@dataclass(slots=True)
class Service:
    """The parts of one running service."""

    settings: ServiceSettings
    jobs: Jobs
    metrics: Metrics
    guard: Guard
    dispatcher: Dispatcher
    spool: Path

    def put(self, owner: str, asked: Sequence[Asked], *, fresh: bool = False) -> list[Job]:
        """Take videos in.

        Raises:
            Refused: too many wait already (429).
        """
        try:
            jobs = self.jobs.put(owner, asked, max_waiting=self.settings.max_waiting, fresh=fresh)
        except FullError as error:
            self.metrics.refused.labels("full").inc()
            waiting = self.jobs.counts().get("queued", 0)
            wait = min(600, max(1, math.ceil(self.dispatcher.expected_wait(max(1, waiting // 4)))))
            message = f"{waiting} videos are waiting and {self.settings.max_waiting} may"
            raise Refused(429, "full", message, Retry_After=str(wait)) from error
        self.dispatcher.wake()
        return jobs

    def find(self, owner: str, name: str) -> Job:
        """A video of this caller.

        Raises:
            Refused: there is none, or it belongs to somebody else (404).
        """
        job = self.jobs.find(owner, name)
        if job is None:
            raise Refused(404, "not_found", f"there is no video {name}")
        return job
