"""What the service counts, in the format of Prometheus."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (1, 2.5, 5, 10, 20, 40, 80, 160, 320, 640, 1280, 3600)


class Metrics:
    """Counters of one service, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = Counter(
            "mmu_requests", "Answers by route and status", ["route", "status"], registry=self.registry
        )
        self.refused = Counter(
            "mmu_refused", "Requests refused, by reason", ["reason"], registry=self.registry
        )
        self.jobs = Gauge("mmu_jobs", "Jobs by state", ["state"], registry=self.registry)
        self.videos = Counter(
            "mmu_videos", "Videos analysed, by outcome of their report", ["outcome"], registry=self.registry
        )
        self.failures = Counter("mmu_job_failures", "Jobs without a report", ["code"], registry=self.registry)
        self.seconds = Histogram(
            "mmu_analysis_seconds", "Wall time of an analysis", buckets=_SECONDS, registry=self.registry
        )
        self.waited = Histogram(
            "mmu_waiting_seconds", "Time a job waited", buckets=_SECONDS, registry=self.registry
        )

    def text(self, counts: dict[str, int]) -> bytes:
        """The exposition, with the jobs as they are now."""
        for state in ("queued", "running", "done", "failed"):
            self.jobs.labels(state).set(counts.get(state, 0))
        return generate_latest(self.registry)
