"""The numbers of a running job, in memory that does not grow with it."""

from __future__ import annotations

import resource
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from pipelines.worker import Result

#: points of a series; when there are more, every second one goes
POINTS = 400
#: seconds over which the current rate is taken
WINDOW = 60.0
SLOWEST = 10


@dataclass(slots=True)
class Numbers:
    """Counts of a job."""

    #: rows of the source, those that an earlier run finished, and those that it names twice
    listed: int = 0
    before: int = 0
    duplicates: int = 0
    #: size of the files that this run has to do
    listed_bytes: int = 0
    #: the source has been read to its end
    complete: bool = False
    done: int = 0
    done_bytes: int = 0
    media_seconds: float = 0.0
    work_seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    decisions: Counter[str] = field(default_factory=Counter)
    stages: Counter[str] = field(default_factory=Counter)
    tags: Counter[str] = field(default_factory=Counter)
    split: int = 0
    #: windows of such videos that were looked at ahead
    windows: int = 0
    deaths: int = 0
    workers: int = 0
    #: most workers at a time
    workers_most: int = 0
    busy: int = 0
    waiting: int = 0

    @property
    def new(self) -> int:
        """Rows that this run has to do, as far as the source was read."""
        return self.listed - self.before - self.duplicates


class Progress:
    """Numbers over time."""

    def __init__(self) -> None:
        self.numbers = Numbers()
        self.started = time.monotonic()
        self.first_result: float | None = None
        #: (seconds since the start, videos done, seconds of video done, workers)
        self.series: list[tuple[float, int, float, int]] = [(0.0, 0, 0.0, 0)]
        self.slowest: list[tuple[float, str]] = []
        self._step = 0.0
        self._recent: deque[tuple[float, int, float]] = deque(maxlen=4096)

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def add(self, result: Result) -> None:
        """Add what a task did."""
        numbers = self.numbers
        numbers.work_seconds += result.seconds
        numbers.stages.update(result.stages)
        if not result.keys:
            return
        if self.first_result is None:
            self.first_result = self.seconds
        numbers.done += len(result.keys)
        numbers.done_bytes += result.bytes
        numbers.media_seconds += result.media_seconds
        for name in ("outcomes", "codes", "decisions", "tags"):
            getattr(numbers, name).update(getattr(result, name))
        self.slowest = sorted([*self.slowest, *result.slowest], reverse=True)[:SLOWEST]
        now = self.seconds
        self._recent.append((now, numbers.done, numbers.media_seconds))
        if now - self.series[-1][0] >= self._step:
            self.series.append((now, numbers.done, numbers.media_seconds, numbers.workers))
            if len(self.series) > POINTS:
                self.series = self.series[::2]
                self._step = max(1.0, now / POINTS)

    def rates(self) -> tuple[float, float]:
        """Videos a second and hours of video an hour, over the last minute."""
        now = self.seconds
        while len(self._recent) > 2 and now - self._recent[0][0] > WINDOW:
            self._recent.popleft()
        if not self._recent:
            return 0.0, 0.0
        since, done, media = self._recent[0]
        if len(self._recent) == 1:
            since, done, media = 0.0, 0, 0.0
        span = max(1e-3, now - since)
        return (self.numbers.done - done) / span, (self.numbers.media_seconds - media) / span

    def eta(self) -> float | None:
        """Seconds to the end, by bytes where the source has sizes; None while the source is being read."""
        numbers = self.numbers
        if not numbers.complete or not numbers.done:
            return None
        if numbers.done >= numbers.new:
            return 0.0
        spent = self.seconds - (self.first_result or 0.0) * 0.9
        share = numbers.done / numbers.new
        if numbers.done_bytes and numbers.listed_bytes:
            share = min(1.0, numbers.done_bytes / numbers.listed_bytes)
        return spent * (1 - share) / max(share, 1e-9)

    def error_rate(self) -> float:
        """Share of dead letters among what this run finished."""
        return self.numbers.outcomes["dead"] / max(1, self.numbers.done)

    def line(self) -> str:
        """One line for a terminal."""
        numbers = self.numbers
        videos, hours = self.rates()
        of = f"{numbers.new}" if numbers.complete else f"{numbers.new}+"
        eta = self.eta()
        stages = sum(numbers.stages.values())
        top = ", ".join(
            f"{name} {100 * spent / stages:.0f}%" for name, spent in numbers.stages.most_common(3)
        )
        return (
            f"{numbers.done}/{of} videos, {videos:.2f}/s, {hours:.1f} h/h, "
            f"{'ETA ' + clock(eta) if eta is not None else 'listing'}, {100 * self.error_rate():.1f}% dead, "
            f"{numbers.busy}/{numbers.workers} workers, {numbers.waiting} waiting"
            + (f"; {top}" if top else "")
        )

    def summary(self) -> dict[str, Any]:
        """All numbers as plain data."""
        numbers = self.numbers
        counters = {
            name: dict(getattr(numbers, name).most_common(200))
            for name in ("outcomes", "codes", "decisions", "tags")
        }
        return {
            "seconds": round(self.seconds, 2),
            "seconds_to_first": None if self.first_result is None else round(self.first_result, 2),
            "driver_peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
            "listed": numbers.listed,
            "finished_before": numbers.before,
            "duplicates": numbers.duplicates,
            "done": numbers.done,
            "bytes": numbers.done_bytes,
            "media_seconds": round(numbers.media_seconds, 2),
            "work_seconds": round(numbers.work_seconds, 2),
            "split": numbers.split,
            "windows": numbers.windows,
            "workers": numbers.workers,
            "workers_most": numbers.workers_most,
            "worker_deaths": numbers.deaths,
            **counters,
            "stages": {name: round(spent, 2) for name, spent in numbers.stages.most_common()},
            "slowest": self.slowest,
        }


def clock(seconds: float) -> str:
    """Seconds as h:mm:ss or m:ss."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
