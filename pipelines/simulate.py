"""A discrete-event simulation of the workers: does the plan hold when durations and arrivals are uneven?

Videos arrive as a Poisson stream whose rate rises to the peak and falls again, with
bursts on top; durations are log-normal; a share of the videos kills its worker, which
takes time to start again, and is tried once more.
"""

from __future__ import annotations

import math
from collections.abc import Generator, Sequence
from dataclasses import dataclass

import numpy as np
import simpy

from mmu.errors import ConfigError
from pipelines.costs import Costs

#: a larger stream is simulated at a smaller scale, which queues longer and never shorter
MAX_VIDEOS = 60_000
#: tries of a video that kills its worker
_TRIES = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """What the workers have to live through."""

    workers: int
    cores_per_worker: int = 1
    rate: float
    """Videos a second at the peak."""
    seconds: float
    """Mean duration of a video."""
    skew: float = 1.0
    """Sigma of the log-normal durations; 0: all alike, 1: one in a hundred is 6 times as long as the mean."""
    hours: float = 2.0
    """Time at and around the peak."""
    crashes: float = 0.001
    """Share of videos that kill their worker."""
    restart: float = 20.0
    """Seconds until a dead worker works again."""
    bursts: float = 2.0
    """Arrivals a burst brings, as a multiple of the rate over a minute; one an hour."""
    seed: int = 0

    def __post_init__(self) -> None:
        for name, value, low, high in (
            ("workers", self.workers, 1, 1e7),
            ("rate", self.rate, 1e-6, 1e7),
            ("seconds", self.seconds, 0.01, 1e6),
            ("skew", self.skew, 0, 3),
            ("hours", self.hours, 0.01, 48),
            ("crashes", self.crashes, 0, 0.5),
            ("restart", self.restart, 0, 3600),
            ("bursts", self.bursts, 0, 100),
        ):
            if not low <= value <= high:
                raise ConfigError(f"{name}={value:g} is outside the allowed range {low:g} to {high:g}")


@dataclass(frozen=True, slots=True)
class Simulated:
    """What came of it; waits in seconds from arrival to the begin of the last try."""

    videos: int
    lost: int
    wait_p50: float
    wait_p95: float
    wait_p99: float
    longest_queue: int
    busy: float
    scale: float


def simulate(scenario: Scenario, costs: Costs, *, skip: Sequence[str] = ()) -> Simulated:
    """Play the scenario.

    Args:
        scenario: arrivals, durations and workers.
        costs: core-seconds of a video.
        skip: stages that are left out.
    """
    expected = scenario.rate * scenario.hours * 3600
    scale = min(1.0, MAX_VIDEOS / expected)
    workers = max(1, round(scenario.workers * scale))
    scale = workers / scenario.workers
    rng = np.random.default_rng(scenario.seed)
    arrivals = _arrivals(scenario, scale, rng)
    durations = _durations(scenario, len(arrivals), rng)
    work = np.array([costs.cpu(seconds, skip=skip) for seconds in durations]) / scenario.cores_per_worker
    fatal = rng.random(len(arrivals)) < scenario.crashes
    return _play(arrivals, work, fatal, workers, scenario.restart, scale)


def makespan(durations: Sequence[float], costs: Costs, *, workers: int, skip: Sequence[str] = ()) -> float:
    """Seconds that a batch takes when its longest videos are begun first."""
    work = np.array(sorted((costs.cpu(seconds, skip=skip) for seconds in durations), reverse=True))
    environment = simpy.Environment()
    pool = simpy.Resource(environment, workers)

    def one(seconds: float) -> Generator[simpy.Event, None, None]:
        with pool.request() as turn:
            yield turn
            yield environment.timeout(seconds)

    for seconds in work:
        environment.process(one(float(seconds)))
    environment.run()
    return float(environment.now)


def _arrivals(scenario: Scenario, scale: float, rng: np.random.Generator) -> np.ndarray:
    """Times of arrival: half the peak's rate at both ends, the peak in the middle, and bursts."""
    span = scenario.hours * 3600
    rate = scenario.rate * scale
    times = np.sort(rng.uniform(0, span, rng.poisson(rate * span)))
    share = 0.5 + 0.5 * np.sin(math.pi * times / span)
    kept = times[rng.random(len(times)) < share]
    extra = [
        start + rng.uniform(0, 60, rng.poisson(scenario.bursts * rate * 60))
        for start in rng.uniform(0, span, max(1, round(scenario.hours)))
    ]
    return np.sort(np.concatenate([kept, *extra]))


def _durations(scenario: Scenario, count: int, rng: np.random.Generator) -> np.ndarray:
    if not scenario.skew:
        return np.full(count, scenario.seconds)
    mean = math.log(scenario.seconds) - scenario.skew**2 / 2
    return rng.lognormal(mean, scenario.skew, count)


def _play(
    arrivals: np.ndarray, work: np.ndarray, fatal: np.ndarray, workers: int, restart: float, scale: float
) -> Simulated:
    environment = simpy.Environment()
    pool = simpy.Resource(environment, workers)
    waits: list[float] = []
    longest = 0
    spent = 0.0

    def video(index: int) -> Generator[simpy.Event, None, None]:
        nonlocal spent
        waited = 0.0
        for attempt in range(_TRIES):
            asked = environment.now
            with pool.request() as turn:
                yield turn
                waited += environment.now - asked
                # It kills its worker half-way, and goes through at the second try.
                dies = bool(fatal[index]) and attempt == 0
                seconds = float(work[index]) * (0.5 if dies else 1.0)
                spent += seconds
                yield environment.timeout(seconds + (restart if dies else 0.0))
            if not dies:
                break
        waits.append(waited)

    def source() -> Generator[simpy.Event, None, None]:
        nonlocal longest
        for index, at in enumerate(arrivals):
            yield environment.timeout(max(0.0, float(at) - environment.now))
            environment.process(video(index))
            longest = max(longest, len(pool.queue))

    environment.process(source())
    environment.run()
    p50, p95, p99 = (
        (float(value) for value in np.percentile(waits, (50, 95, 99))) if waits else (0.0, 0.0, 0.0)
    )
    lost = len(arrivals) - len(waits)
    busy = spent / (workers * float(environment.now)) if environment.now else 0.0
    return Simulated(len(arrivals), lost, p50, p95, p99, round(longest / scale), busy, scale)
