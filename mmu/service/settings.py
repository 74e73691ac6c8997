"""What an operator may choose about the service, checked when it is chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mmu.errors import ConfigError


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSettings:
    """Limits and places of one service.

    Raises:
        ConfigError: a value outside its range; the message names the range.
    """

    data: Path
    """Folder for uploads, waiting jobs and reports; one service a folder."""

    keys: Path | None
    """File of API keys; None answers everybody (for loopback only)."""

    workers: int = 1
    """Videos analysed at a time, each in a process of its own (1 to 256)."""

    max_waiting: int = 100
    """Jobs that may wait; beyond it the answer is 429 (1 to 1,000,000)."""

    max_bytes: int = 512 * 2**20
    """Largest video, uploaded or fetched (1,024 bytes to 64 GiB)."""

    rate: float = 10.0
    """Requests a second of one key in the long run (0.01 to 100,000)."""

    burst: int = 50
    """Requests of one key at once (1 to 1,000,000)."""

    ttl: float = 24 * 3600.0
    """Seconds for which a finished report is kept (1 to ten years)."""

    video_seconds: float = 3600.0
    """Longest wall time of one analysis (1 to 864,000)."""

    private_hosts: bool = False
    """Whether URLs may lead into private networks."""

    analyzer: dict[str, Any] = field(default_factory=dict)
    """Options of `mmu.Analyzer`."""

    def __post_init__(self) -> None:
        _check("workers", self.workers, 1, 256)
        _check("max_waiting", self.max_waiting, 1, 1_000_000)
        _check("max_bytes", self.max_bytes, 1024, 64 * 2**30)
        _check("rate", self.rate, 0.01, 100_000)
        _check("burst", self.burst, 1, 1_000_000)
        _check("ttl", self.ttl, 1, 10 * 365 * 86400)
        _check("video_seconds", self.video_seconds, 1, 864_000)


def _check(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{name}={value!r} is outside the allowed range {low:g} to {high:g}")
