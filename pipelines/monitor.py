"""What an operator sees of a running job: a line on the terminal, and Prometheus metrics."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Self

from mmu.errors import ConfigError
from pipelines.progress import Progress

#: seconds between two lines: on a terminal they overwrite each other, elsewhere they add up
TERMINAL, LOG = 1.0, 30.0


class Monitor:
    """Shows a job's progress; a context manager."""

    def __init__(self, progress: Progress, *, port: int | None = None, quiet: bool = False) -> None:
        """Start to serve metrics when there is a port for them.

        Raises:
            ConfigError: the port is taken.
        """
        self._progress = progress
        self._terminal = sys.stderr.isatty()
        self._quiet = quiet
        self._next = time.monotonic() + (TERMINAL if self._terminal else LOG)
        self._server: Any = None
        if port is not None:
            self._server = serve_metrics(progress, port)

    def tick(self) -> None:
        """Show the line when it is time."""
        now = time.monotonic()
        if self._quiet or now < self._next:
            return
        self._next = now + (TERMINAL if self._terminal else LOG)
        line = self._progress.line()
        if self._terminal:
            print(f"\r\033[K{line[:200]}", end="", file=sys.stderr, flush=True)
        else:
            print(line, file=sys.stderr, flush=True)

    def say(self, text: str) -> None:
        """Show a sentence of its own."""
        if not self._quiet:
            print(f"\r\033[K{text}" if self._terminal else text, file=sys.stderr, flush=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._terminal and not self._quiet:
            print("\r\033[K", end="", file=sys.stderr, flush=True)
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class Metrics:
    """Collects a job's numbers when Prometheus asks for them."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress

    def collect(self) -> Iterator[Any]:
        """Metric families, named `mmu_batch_…`."""
        from prometheus_client.core import CounterMetricFamily as Counter
        from prometheus_client.core import GaugeMetricFamily as Gauge

        numbers = self._progress.numbers
        videos, hours = self._progress.rates()
        outcomes = Counter("mmu_batch_videos", "Videos finished", labels=["outcome"])
        for outcome, number in numbers.outcomes.items():
            outcomes.add_metric([outcome], number)
        yield outcomes
        codes = Counter("mmu_batch_dead_letters", "Dead letters by reason", labels=["code"])
        for code, number in numbers.codes.items():
            codes.add_metric([code], number)
        yield codes
        stages = Counter("mmu_batch_stage_seconds", "Seconds spent in a stage", labels=["stage"])
        for stage, seconds in numbers.stages.items():
            stages.add_metric([stage], seconds)
        yield stages
        for name, text, value in (
            ("rows_listed", "Rows read from the source", numbers.listed),
            ("rows_finished_before", "Rows that an earlier run finished", numbers.before),
            ("rows_duplicate", "Rows that the source names twice", numbers.duplicates),
            ("bytes", "Bytes of videos finished", numbers.done_bytes),
            ("media_seconds", "Seconds of video finished", numbers.media_seconds),
            ("worker_deaths", "Workers that died", numbers.deaths),
        ):
            yield Counter(f"mmu_batch_{name}", text, value=value)
        gauges: tuple[tuple[str, str, float | None], ...] = (
            ("videos_per_second", "Videos a second over the last minute", videos),
            ("hours_per_hour", "Hours of video an hour over the last minute", hours),
            ("eta_seconds", "Seconds to the end; NaN while the source is read", self._progress.eta()),
            ("error_ratio", "Dead letters among the videos finished", self._progress.error_rate()),
            ("workers", "Workers", numbers.workers),
            ("workers_busy", "Workers with a task", numbers.busy),
            ("rows_waiting", "Rows read and not given to a worker", numbers.waiting),
        )
        for name, text, now in gauges:
            yield Gauge(f"mmu_batch_{name}", text, value=float("nan") if now is None else now)


def serve_metrics(progress: Progress, port: int) -> Any:
    """Serve the metrics over HTTP on all interfaces; the server, to be shut down.

    Raises:
        ConfigError: the port is taken, or `prometheus-client` is not installed.
    """
    try:
        from prometheus_client import CollectorRegistry, start_http_server
    except ImportError as error:
        raise ConfigError("metrics need `pip install mmu-video[batch]` (prometheus-client)") from error
    registry = CollectorRegistry()
    registry.register(Metrics(progress))
    try:
        server, _ = start_http_server(port, registry=registry)
    except OSError as error:
        raise ConfigError(f"cannot serve metrics on port {port}: {error.strerror}") from error
    return server
